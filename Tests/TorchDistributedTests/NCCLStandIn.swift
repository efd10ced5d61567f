import Foundation
import Testing
import TorchDistributed

/// A library that stands for `libCTorchCUDA.so` where there is no GPU. Once loaded it stays: tests use it in processes of
/// their own.
struct NCCLStandIn: @unchecked Sendable {
  /// Compiled once for all tests; its folder goes with the process.
  static let path: String = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("nccl-stand-in-\(UUID().uuidString)")
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let library = folder.appendingPathComponent("libCTorchCUDA.so").path
    let libtorch =
      ProcessInfo.processInfo.environment["LIBTORCH"]
      ?? tests.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(".libtorch").path
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments =
      ["clang++", "-std=c++20", "-O0", "-fPIC", "-shared", "-DUSE_DISTRIBUTED"]
      + ["include", "include/torch/csrc/api/include"].flatMap { ["-isystem", "\(libtorch)/\($0)"] }
      + [tests.appendingPathComponent("StandIn/nccl.cpp").path, "-o", library]
    try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    NCCLStandIn.folder = folder
    atexit { NCCLStandIn.folder.map { try? FileManager.default.removeItem(at: $0) } }
    try! compiler.run()
    compiler.waitUntilExit()
    precondition(compiler.terminationStatus == 0, "the library that stands for NCCL does not compile")
    return library
  }()

  private nonisolated(unsafe) static var folder: URL?

  private let library: UnsafeMutableRawPointer

  /// Loads the library, as the program does.
  init(_ path: String) throws {
    #expect(NCCL.load(from: path) == nil)
    library = try #require(dlopen(path, RTLD_NOW))
  }

  /// Calls one of the library's functions for a rank.
  @discardableResult func callAsFunction(_ function: Function, _ rank: Int) -> Int {
    typealias Body = @convention(c) (Int32) -> Int32
    return Int(unsafeBitCast(dlsym(library, "stand_in_\(function.rawValue)"), to: Body.self)(Int32(rank)))
  }

  enum Function: String {
    /// Its next groups never connect.
    case hang
    /// Its next groups cannot connect.
    case fail
    /// NCCL finds that an exchange took too long.
    case noteError
    /// Waits as for a device whose exchanges wait for another process.
    case wait
    /// How many of its groups were aborted.
    case aborted
    /// The device that they were bound to.
    case device
  }
}

/// Whether something that another thread does comes to hold within ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<1000 {
    if condition() { return true }
    usleep(10_000)
  }
  return condition()
}
