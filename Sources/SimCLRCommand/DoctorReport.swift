import Foundation
import Images
import Launching
import Torch
import TorchDistributed

/// What a machine offers.
struct DoctorReport: Encodable {
  let libtorch = TorchRuntime.loadedVersion
  let cores = Cores.available
  let memoryBytes = ProcessInfo.processInfo.physicalMemory
  let instructionSets = TorchRuntime.InstructionSet.allCases.filter(\.isAvailable).map(\.rawValue)
  let hasFastBfloat16 = TorchRuntime.cpuHasFastBFloat16
  /// CUDA devices that can be used.
  let cudaDevices = CUDA.usableDevices.count
  let cudaUnavailable = CUDA.whyUnavailable
  let driver = CUDA.driver.map(Driver.init)
  let gpus = CUDA.devices.map(Device.init)
  let nccl = CUDA.driver == nil ? nil : NCCLReport()
  /// Whether kernels of our own are there for the GPUs; nil without a driver.
  let hasKernels = CUDA.driver == nil ? nil : CUDA.whyUnavailable == nil && NCCL.hasKernels
  let codecs = ImageKind.allCases.filter(\.isAvailable).map(\.name)
  /// Kinds of images whose libraries are not installed.
  let missingCodecs = ImageKind.allCases.filter { !$0.isAvailable }.map(\.name)

  /// NVIDIA's driver.
  struct Driver: Encodable {
    let release: String?
    /// The newest CUDA that it is for.
    let cuda: String

    init(_ driver: CUDA.Driver) {
      (release, cuda) = (driver.release, CUDA.Driver.text(driver.cudaVersion))
    }
  }

  /// A CUDA device.
  struct Device: Encodable {
    let number: Int
    let name: String
    let capability: String
    let memoryBytes: Int
    let pciBusId: String
    let uuid: String
    let hasBfloat16: Bool
    let unusable: String?

    init(_ gpu: GPU) {
      (number, name, capability, memoryBytes) = (gpu.number, gpu.name, "\(gpu.capability)", gpu.memoryBytes)
      (pciBusId, uuid, hasBfloat16, unusable) = (gpu.pciBusID, gpu.uuid, gpu.hasBFloat16, gpu.whyUnusable)
    }

    var line: String {
      if let unusable { return "cannot be used: \(unusable)" }
      return "\(name), capability \(capability) (\(hasBfloat16 ? "bf16" : "fp16")), "
        + "\(memoryBytes >> 30) GiB, PCI \(pciBusId)"
    }
  }

  /// What connects GPUs.
  struct NCCLReport: Encodable {
    let version = CUDA.ncclVersion
    /// Why exchanges cannot go over it, in this program; nil when they can.
    let unavailable = CUDA.whyUnavailable == nil ? NCCL.whyUnavailable : "CUDA is not available"

    var line: String {
      (version ?? "cannot be loaded") + (unavailable.map { "; exchanges go over Gloo: \($0)" } ?? "")
    }
  }

  var lines: [(String, String)] {
    let bf16 = hasFastBfloat16 ? "in hardware: the default precision" : "not in hardware: the default precision is fp32"
    var lines = [
      ("libtorch", "\(libtorch), as compiled for"),
      ("CPU", "\(cores) cores, \(memoryBytes >> 30) GiB of memory"),
      ("instructions", instructionSets.joined(separator: ", ")),
      ("bf16", "on the CPU \(bf16)"),
      ("CUDA", cudaUnavailable ?? "\(cudaDevices) device\(cudaDevices == 1 ? "" : "s")"),
    ]
    if let driver {
      lines.append(("driver", "\(driver.release ?? "of unknown number"), for CUDA \(driver.cuda) and older"))
    }
    lines += gpus.map { ("cuda:\($0.number)", $0.line) }
    if let nccl { lines.append(("NCCL", nccl.line)) }
    if let hasKernels {
      lines.append(("kernels", hasKernels ? "built in" : "left out: libtorch's operations are used"))
    }
    let missing = missingCodecs.isEmpty ? "" : "; not installed: " + missingCodecs.joined(separator: ", ")
    lines.append(("codecs", codecs.joined(separator: ", ") + missing))
    return lines
  }
}
