import Augmentation
import Torch

/// Views of every image of a batch.
public struct ViewBatch: Sendable {
  /// The views in the order of `AugmentationConfiguration.views`: each `[N, 3, S, S]`, on the CPU at first, channels-last in memory,
  /// normalized, in the type that the loader was asked for, S being the size of that view. All hold the same images in
  /// the same order. Where the loader was asked for uint8, they are the crops that views begin as, contiguous, for a
  /// `BatchAugmenter` to go on from.
  public var views: [Tensor]
  /// Of each view and image where `views` are uint8, else empty.
  public let parameters: [[ViewParameters]]
  /// Index in the data set of each image, `N` of them.
  public let sampleIndices: [Int]

  package init(views: [Tensor], parameters: [[ViewParameters]], sampleIndices: [Int]) {
    (self.views, self.parameters, self.sampleIndices) = (views, parameters, sampleIndices)
  }

  /// The first views.
  public var first: Tensor { views[0] }
  /// The second views.
  public var second: Tensor { views[1] }
}
