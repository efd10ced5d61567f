import Foundation

/// Libraries that stand in for NVIDIA's driver and the CUDA part of libtorch, so that a machine without a GPU shows the
/// program any that a test wants. Sources are in `Tests/Stubs`.
struct StubGPUs {
  /// A GPU as `SIMCLR_STUB_GPUS` describes it.
  struct GPU {
    var name = "NVIDIA H100 80GB HBM3"
    var capability = (9, 0)
    var mebibytes = 81559
    var bus = "0000:3B:00.0"

    fileprivate var text: String { "\(name),\(capability.0),\(capability.1),\(mebibytes),\(bus)" }
  }

  /// Built once for all tests; nil where there is no C++ compiler or libtorch has no headers.
  static let folder: URL? = build()

  /// The variables that have a program find the stand-ins.
  ///
  /// - Parameter cuda: the newest CUDA that the driver is for, as 13000.
  static func variables(_ gpus: [GPU], cuda: Int = 13000, release: String = "580.65.06") -> [String: String] {
    let found = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"].map { ":\($0)" } ?? ""
    return [
      "LD_LIBRARY_PATH": folder!.path + found, "SIMCLR_CUDA_LIBRARY": folder!.path + "/libCTorchCUDA.so",
      "SIMCLR_STUB_GPUS": gpus.map(\.text).joined(separator: ";"), "SIMCLR_STUB_CUDA": "\(cuda)",
      "SIMCLR_STUB_RELEASE": release,
    ]
  }

  private static func build() -> URL? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let variables = ProcessInfo.processInfo.environment
    let libtorch = variables["LIBTORCH"] ?? package.appendingPathComponent(".libtorch").path
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("simclr-stubs-\(UUID().uuidString)")
    let script = """
      set -e
      compiler=${CXX:-$(command -v clang++ || command -v g++)}
      test -f '\(libtorch)/include/ATen/detail/CUDAHooksInterface.h'
      mkdir -p '\(folder.path)'
      for name in libcuda.so.1 libnvidia-ml.so.1 libtorch_cuda.so libnccl.so.2 libCTorchCUDA.so; do
        "$compiler" -std=c++20 -shared -fPIC -w -isystem '\(libtorch)/include' \\
          -isystem '\(libtorch)/include/torch/csrc/api/include' "Tests/Stubs/${name%%.*}.cpp" -o '\(folder.path)/'$name
      done
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", script]
    process.currentDirectoryURL = package
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    atexit { StubGPUs.folder.map { try? FileManager.default.removeItem(at: $0) } }
    return folder
  }
}
