import Augmentation
import DataSets

/// Makes the views of a batch's images, or only the crops they begin as, for one thread.
final class ViewMaker: BatchWorker {
  private let augmenter: ViewAugmenter
  private let imageSizes: [Int]
  private let imageCount: Int
  private let source: ImageSource
  private let renderer = ViewRenderer()
  private let makesOnlyCrops: Bool
  private let tally: BadImageTally

  init(
    _ augmenter: ViewAugmenter, imageCount: Int, source: ImageSource, makesOnlyCrops: Bool, tally: BadImageTally
  ) {
    self.augmenter = augmenter
    self.imageCount = imageCount
    self.source = source
    self.makesOnlyCrops = makesOnlyCrops
    self.tally = tally
    imageSizes = augmenter.views.map(\.imageSize)
  }

  /// Makes the views of the wanted image, or of the first after it that can be read.
  ///
  /// What was found unreadable before is tried again: if it were passed over, a run that is resumed, which does not know
  /// of it yet, would go on differently.
  func fill(_ place: Int, of batch: ViewStorage) throws {
    let wanted = batch.wantedIndices[place]
    for step in 0..<imageCount {
      let index = (wanted + step) % imageCount
      do {
        try makeViews(of: index, at: place, of: batch)
        batch.sampleIndices[place] = index
        return
      } catch {
        try tally.record(error, index: index)
      }
    }
    throw LoadingError("none of the \(imageCount) images can be read")
  }

  /// Where the image cannot be read or decoded, it throws before it writes.
  private func makeViews(of index: Int, at place: Int, of batch: ViewStorage) throws {
    let (width, height) = try source.open(index)
    let parameters = imageSizes.indices.map { view in
      augmenter.parameters(
        width: width, height: height, epoch: batch.epoch, sample: batch.wantedIndices[place], view: view)
    }
    let pixels = try source.pixels(under: parameters.map(\.crop), imageSizes: imageSizes)
    for (view, parameters) in parameters.enumerated() {
      let (settings, box) = (augmenter.views[view], pixels.box(of: parameters.crop))
      if makesOnlyCrops {
        renderer.crop(parameters, as: settings, of: pixels.source, box: box, stages: source.stages)
      } else {
        renderer.render(parameters, as: settings, of: pixels.source, box: box, stages: source.stages)
      }
      source.stages.measure(\.tensor) {
        batch.views[view].write(renderer.planes, normalizedBy: augmenter.normalization, at: place)
      }
      batch.keep(parameters, of: view, at: place)
    }
  }
}
