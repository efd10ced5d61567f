import ArgumentParser
import Foundation
import VisionData

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Fetch or draw a data set.",
    subcommands: [ShapesCommand.self])
}

struct ShapesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shapes",
    abstract: "Draw the embedded data set: ten shapes as JPEG class folders.",
    discussion: """
      Position, scale, rotation, colour, texture and background vary independently of the class. The same options draw \
      the same images on every machine.
      """)

  @Argument(help: .init("The folder to make, with train/ and test/ in it.", valueName: "DIR"))
  var directory: String

  @Option(help: "Train images.")
  var train = 5000

  @Option(help: "Test images.")
  var test = 1000

  @Option(
    help:
      "Side of an image in pixels, \(ShapesDataSet.imageSizes.lowerBound) to \(ShapesDataSet.imageSizes.upperBound).")
  var size = 32

  @Option(help: "What the images are drawn from.")
  var seed: UInt64 = 0

  func run() throws {
    let console = Console()
    let shapes = try ShapesDataSet(trainCount: train, testCount: test, imageSizePixels: size, seed: seed)
    let outcome = try shapes.write(
      to: URL(fileURLWithPath: directory), threads: ProcessInfo.processInfo.activeProcessorCount)
    console.note(
      "\(outcome == .written ? "" : "already there: ")\(train) train and \(test) test images of \(size) pixels in \(ShapesDataSet.classNames.count) classes: \(directory)"
    )
  }
}
