import ArgumentParser
import Foundation
import Torch

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Say what this machine offers: libtorch, devices, threads, bf16, codecs.")

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let report = DoctorReport()
    let console = Console()
    if json { return try console.json(report) }
    for (name, value) in report.lines {
      console.result("\(name.padding(toLength: 16, withPad: " ", startingAt: 0))\(value)")
    }
  }
}

/// What a machine offers.
struct DoctorReport: Encodable {
  let libtorch = TorchRuntime.loadedVersion
  let cores = ProcessInfo.processInfo.activeProcessorCount
  let memoryBytes = ProcessInfo.processInfo.physicalMemory
  let instructionSets = TorchRuntime.InstructionSet.allCases.filter(\.isAvailable).map(\.rawValue)
  let hasFastBfloat16 = TorchRuntime.cpuHasFastBFloat16
  let cudaDevices = CUDA.deviceCount
  let cudaUnavailable = CUDA.whyUnavailable
  let codecs = ["JPEG", "PNG"]

  var lines: [(String, String)] {
    [
      ("libtorch", "\(libtorch), as compiled for"),
      ("CPU", "\(cores) cores, \(memoryBytes >> 30) GiB of memory"),
      (
        "instructions",
        instructionSets.isEmpty ? "no AVX2: training will be slow" : instructionSets.joined(separator: ", ")
      ),
      (
        "bf16",
        hasFastBfloat16 ? "in hardware: the default precision" : "not in hardware: the default precision is fp32"
      ),
      ("CUDA", cudaUnavailable ?? "\(cudaDevices) device(s)"),
      ("codecs", codecs.joined(separator: ", ")),
    ]
  }
}
