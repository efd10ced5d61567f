import ArgumentParser
import Augmentation
import DataSets
import Foundation
import Images
import Loading
import Pretraining
import Torch

struct AugmentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "augment",
    abstract: "Draw what augmentation does to your images.",
    discussion: """
      A column for each image; a row for each operation by itself and for every view that training would see. The \
      original and the operations by themselves are shown on the middle of the image.
      """)

  @Option(help: .init("Images: whatever `pretrain` reads.", valueName: "DIR"))
  var data: String

  @Option(help: .init("The picture to write.", valueName: "FILE.png"))
  var output: String

  @Option(help: .init("A configuration, of which the section `augmentation` counts.", valueName: "CONFIG.yaml"))
  var config: String?

  @Option(help: "Images, 1 to 50.")
  var images = 6

  @Option(help: "Chooses images and random numbers.")
  var seed: UInt64 = 0

  @Option(help: "Side of a picture in pixels, 16 to 512.")
  var size = 160

  @Option(help: .init("What rows are named in; a plain font of the system's unless said.", valueName: "FILE.ttf"))
  var font: String?

  private static let textSizePixels = 16

  func validate() throws {
    guard output.lowercased().hasSuffix(".png") else {
      throw ValidationError("--output: expected a file that ends in .png, got \(output)")
    }
    guard 1...50 ~= images else { throw ValidationError("--images: expected 1 to 50, got \(images)") }
    guard 16...512 ~= size else { throw ValidationError("--size: expected 16 to 512 pixels, got \(size)") }
  }

  func run() throws {
    let augmentation =
      try config.map { try Configuration(contentsOf: URL(fileURLWithPath: $0), overrides: []).resolved().augmentation }
      ?? AugmentationConfiguration()
    let typeface =
      try font.map { try Typeface(contentsOf: $0, sizePixels: Self.textSizePixels) }
      ?? Typeface(ofSystemWithSizePixels: Self.textSizePixels)
    let figure = try AugmentationFigure(augmentation, side: size, seed: seed, typeface: typeface)
    let chosen = try chooseImages()
    try DurableFile.write(Data(ImageCodec.encodePNG(try figure.draw(chosen))), to: URL(fileURLWithPath: output))
    Console().note(
      "\(chosen.count == 1 ? "1 image" : "\(chosen.count) images"), \(figure.rowNames.count) rows: \(output)")
  }

  /// Images that can be read, in random order.
  private func chooseImages() throws -> [PixelImage] {
    let dataSet = try DataSetLocator(for: .pretraining).locate(
      URL(fileURLWithPath: data), split: .train
    ).images
    let order = try EpochSampler(count: dataSet.count, globalBatchSize: 1, seed: seed).permutation(epoch: 0)
    var chosen: [PixelImage] = []
    var failure: (any Error)?
    for index in order where chosen.count < images {
      do {
        chosen.append(try dataSet.image(at: index))
      } catch {
        failure = error
        // Where all are bad, the first dozen tell.
        if chosen.isEmpty && index == order.prefix(12).last { break }
      }
    }
    guard !chosen.isEmpty else { throw failure ?? DataSetError("\(data): no images in it") }
    return chosen
  }
}
