import Augmentation
import DataSets
import Encoders
import Loading
import Torch

extension FeatureExtractor {
  /// The features of several views of each image, made as in pretraining, each pair anew.
  ///
  /// - Parameters:
  ///   - dataSet: with or without labels.
  ///   - augmenter: makes two views, or more, of which two are taken at a time.
  ///   - count: how many of each image, an even number.
  ///   - options: how images are loaded.
  ///   - onProgress: hears how many views are done, of how many.
  /// - Returns: `[count, M, D]`, float32, of the M images that can be read.
  /// - Throws: `LoadingError` when too many images cannot be read; ``EvaluationError`` when the encoder changed.
  public func features(
    ofViews count: Int, of dataSet: any ImageDataSet, by augmenter: ViewAugmenter, options: ViewLoader.Options,
    onBadImage: @escaping @Sendable (String) -> Void = { _ in },
    onProgress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Tensor {
    precondition(
      count >= 2 && count.isMultiple(of: 2), "FeatureExtractor: expected an even number of views, got \(count)")
    // A divisor, so that no image is left over.
    let batchSize = (1...min(256, dataSet.count)).last { dataSet.count.isMultiple(of: $0) }!
    let loader = ViewLoader(
      dataSet: dataSet, augmenter: augmenter,
      sampler: try EpochSampler(count: dataSet.count, globalBatchSize: batchSize, seed: augmenter.seed),
      options: options, onBadImage: onBadImage)
    var passes: [Tensor] = []
    var isThere = [Bool](repeating: false, count: dataSet.count)
    for pass in 0..<count / 2 {
      let views = (0..<2).map { _ in Tensor.zeros([dataSet.count, encoder.featureCount]) }
      let batches = loader.epoch(pass)
      defer { batches.cancel() }
      var done = 0
      while let batch = try batches.next() {
        let places = Tensor(batch.sampleIndices)
        views[0].indexCopy_(0, places, self(batch.first))
        views[1].indexCopy_(0, places, self(batch.second))
        for index in batch.sampleIndices { isThere[index] = true }
        done += batch.sampleIndices.count
        onProgress(2 * (pass * dataSet.count + done), count * dataSet.count)
      }
      passes += views
    }
    try requireFrozen()
    let all = Tensor.stack(passes)
    let kept = isThere.indices.filter { isThere[$0] }
    return kept.count == dataSet.count ? all : all.indexSelect(1, Tensor(kept))
  }
}
