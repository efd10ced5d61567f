import ArgumentParser
import DataSets
import Foundation
import Launching

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Fetch, draw or inspect a data set.",
    subcommands: [ShapesCommand.self, CIFAR10Command.self, InspectCommand.self])
}

struct ShapesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shapes",
    abstract: "Draw the embedded data set: ten shapes as JPEG class folders.",
    discussion: """
      Position, scale, rotation, color, texture and background vary independently of the class. The same options draw \
      the same images on every machine.
      """)

  @Argument(help: .init("The folder to make, with train/ and test/ in it.", valueName: "DIR"))
  var directory: String

  @Option(help: "Train images.")
  var train = 5000

  @Option(help: "Test images.")
  var test = 1000

  @Option(help: "Side of an image in pixels, 32 to 224.")
  var size = 32

  @Option(help: "What the images are drawn from.")
  var seed: UInt64 = 0

  private func makeShapes() throws -> ShapesDataSet {
    try ShapesDataSet(trainCount: train, testCount: test, imageSizePixels: size, seed: seed)
  }

  func validate() throws {
    do {
      _ = try makeShapes()
    } catch let error as DataSetError {
      throw ValidationError(error.description)
    }
  }

  func run() throws {
    let console = Console()
    let shapes = try makeShapes()
    let outcome = try shapes.write(
      to: URL(fileURLWithPath: directory), threads: Cores.available)
    console.note(
      "\(outcome == .written ? "" : "already there: ")\(train) train and \(test) test images of \(size) pixels in \(ShapesDataSet.classNames.count) classes: \(directory)"
    )
  }
}

struct CIFAR10Command: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cifar10",
    abstract: "Download CIFAR-10's official binary archive, or unpack a given one.",
    discussion: "A download that was cut off goes on where it stopped; the archive is checked against its SHA-256.")

  @Argument(help: .init("The folder to unpack into.", valueName: "DIR"))
  var directory: String

  @Option(help: .init("An archive that is already here (cifar-10-binary.tar.gz).", valueName: "ARCHIVE"))
  var from: String?

  func run() throws {
    let console = Console()
    let outcome = try CIFAR10Archive.official.install(
      into: URL(fileURLWithPath: directory), from: from.map { URL(fileURLWithPath: $0) }
    ) { progress in
      switch progress {
      case .downloading(let bytes, let total): console.live("downloading  \(bytes >> 20)/\(total >> 20) MiB")
      case .verifying: console.live("checking the archive")
      case .unpacking: console.live("unpacking")
      }
    }
    let prefix = outcome == .alreadyThere ? "already there: " : ""
    console.note("\(prefix)CIFAR-10, 50000 train and 10000 test images: \(directory)")
  }
}
