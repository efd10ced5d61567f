import ArgumentParser
import Encoders
import Foundation
import Torch

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Say what this machine offers: libtorch, GPUs, NCCL, threads, bf16, codecs.")

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "List the encoders instead, with their parameters and multiplications.")
  var encoders = false

  @Option(
    help: .init(
      "With --encoders: measure how many images a second this one embeds and trains on; may be given several times.",
      valueName: "NAME"))
  var measure: [EncoderArchitecture] = []

  @Option(help: .init("With --encoders: side of the images in pixels.", valueName: "PIXELS"))
  var imageSize = 224

  func validate() throws {
    guard encoders || (measure.isEmpty && imageSize == 224) else {
      throw ValidationError("--measure and --image-size go with --encoders")
    }
    let patch = imageSize <= 64 ? 4 : 16
    guard 32...1024 ~= imageSize, imageSize.isMultiple(of: patch) else {
      throw ValidationError("--image-size: expected a multiple of \(patch) from 32 to 1024 pixels, got \(imageSize)")
    }
  }

  func run() throws {
    let console = Console()
    if encoders {
      let table = EncoderTable(imageSize: imageSize, measured: measure) { console.note($0) }
      if json { return try console.json(table) }
      for line in table.lines { console.result(line) }
      return
    }
    let report = DoctorReport()
    if json { return try console.json(report) }
    for (name, value) in report.lines {
      console.result("\(name.padding(toLength: 16, withPad: " ", startingAt: 0))\(value)")
    }
  }
}
