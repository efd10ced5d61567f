import Augmentation

/// A batch of views in the making. Each place is written by one thread, and read after all have finished.
final class ViewStorage: BatchStorage, @unchecked Sendable {
  let epoch: Int
  /// The images that the sampler chose.
  let wantedIndices: [Int]
  let views: [ImageBuffer]
  /// The images that the views are of: the wanted ones, less those that cannot be read.
  let sampleIndices: UnsafeMutableBufferPointer<Int>
  /// View by view; none where nobody needs them.
  private let parameters: UnsafeMutableBufferPointer<ViewParameters?>

  init(epoch: Int, wantedIndices: [Int], views: [ImageBuffer], keepsParameters: Bool) {
    self.epoch = epoch
    self.wantedIndices = wantedIndices
    self.views = views
    sampleIndices = .allocate(capacity: wantedIndices.count)
    sampleIndices.initialize(repeating: -1)
    parameters = .allocate(capacity: keepsParameters ? views.count * wantedIndices.count : 0)
    parameters.initialize(repeating: nil)
  }

  deinit {
    sampleIndices.deallocate()
    parameters.deinitialize()
    parameters.deallocate()
  }

  var count: Int { wantedIndices.count }

  /// Notes the parameters of a view, if crops are made.
  func keep(_ parameters: ViewParameters, of view: Int, at place: Int) {
    if !self.parameters.isEmpty { self.parameters[view * count + place] = parameters }
  }

  /// What was filled in, once all places are. The storage is used up by that.
  func batch() -> ViewBatch {
    let parametersOfViews = stride(from: 0, to: parameters.count, by: max(1, count)).map { start in
      parameters[start..<start + count].map { $0! }
    }
    return ViewBatch(
      views: views.map { $0.tensor(count: count) }, parameters: parametersOfViews, sampleIndices: Array(sampleIndices))
  }
}
