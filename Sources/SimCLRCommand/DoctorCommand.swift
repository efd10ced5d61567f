import ArgumentParser
import Foundation
import Torch

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Say what this machine offers: libtorch, GPUs, NCCL, threads, bf16, codecs.")

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
