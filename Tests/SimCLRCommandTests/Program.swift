import Augmentation
import Foundation
import Images
import Randomness

/// Runs of the built program, in a scratch folder with a few images.
struct Program {
  struct Outcome {
    var exitCode: Int32
    var output: String
    var errors: String
  }

  let folder: URL
  private let started = Started()

  /// Processes, so that a test that fails leaves none running.
  private final class Started {
    var processes: [Process] = []
  }

  /// The program that `swift build` put beside the tests.
  static let executable = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("simclr")

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("simclr-\(UUID().uuidString)")
    for (split, count) in [("train", 20), ("test", 10)] {
      for name in ["cat", "dog"] {
        let images = folder.appendingPathComponent("data/\(split)/\(name)")
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        for index in 0..<count / 2 {
          var random = PhiloxGenerator(seed: 1, epoch: name == "cat" ? 0 : 1, sample: index, stream: 0)
          let pixels = (0..<(16 * 16 * 3)).map { _ in UInt8.random(in: 0...255, using: &random) }
          let bytes = try ImageCodec.encodeJPEG(PixelImage(width: 16, height: 16, pixels: pixels), quality: 90)
          try Data(bytes).write(to: images.appendingPathComponent("\(index).jpg"))
        }
      }
    }
    try """
    data: {path: data, threads: 1}
    encoder: {architecture: resnet18, width: 0.0625}
    projection_head: {hidden_dimension: 16, output_dimension: 8}
    augmentation: {image_size: 16}
    optimizer: {name: sgd, learning_rate: 0.05, learning_rate_scaling: none}
    schedule: {warmup_epochs: 0}
    training: {global_batch_size: 4, epochs: 4, precision: fp32, device: cpu, threads: 1}
    output: {log_every_steps: 1, checkpoint_every_steps: 3, checkpoint_minimum_steps: 0}
    """.write(to: folder.appendingPathComponent("recipe.yaml"), atomically: true, encoding: .utf8)
  }

  /// Files and folders in the scratch folder, less what this type writes outputs to.
  func files() throws -> Set<String> {
    let all = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    return Set(all.filter { !$0.hasSuffix(".out") && !$0.hasSuffix(".err") })
  }

  /// Ends what still runs (workers end with their supervisor), and takes the folder away.
  func remove() {
    for process in started.processes where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(at: folder)
  }

  /// Runs to the end.
  func run(_ arguments: String...) throws -> Outcome { try finish(start(arguments)) }

  /// Runs a line of shell in which `simclr` is the program.
  func shell(_ line: String) throws -> Outcome {
    try finish(launch("/bin/bash", ["-c", line.replacing("simclr", with: "'\(Self.executable.path)'")]))
  }

  /// Starts without waiting.
  ///
  /// - Parameter variables: of the environment, besides those of the tests.
  func start(_ arguments: [String], variables: [String: String] = [:]) throws -> Running {
    try launch(Self.executable.path, arguments, variables)
  }

  func finish(_ running: Running) throws -> Outcome {
    running.process.waitUntilExit()
    return Outcome(
      exitCode: running.process.terminationStatus,
      output: try String(contentsOf: running.output, encoding: .utf8),
      errors: try String(contentsOf: running.errors, encoding: .utf8))
  }

  struct Running {
    let process: Process
    let output: URL
    let errors: URL
  }

  /// Files rather than pipes take what is printed, so that no amount of it blocks the program.
  private func launch(_ path: String, _ arguments: [String], _ variables: [String: String] = [:]) throws -> Running {
    let name = UUID().uuidString
    let files = ["out", "err"].map { folder.appendingPathComponent("\(name).\($0)") }
    for file in files { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
    process.currentDirectoryURL = folder
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    started.processes.append(process)
    return Running(process: process, output: files[0], errors: files[1])
  }
}
