import Torch

/// An encoder whose features are the means of a map, and that has maps of earlier stages, too.
public protocol FeatureMapEncoder: ImageEncoder {
  /// The channels of each stage's map, from the first to the last.
  var mapChannels: [Int] { get }

  /// The maps of all stages `[N, C, H, W]` for images `[N, 3, H, W]`; the means of the last are the features.
  func featureMaps(_ images: Tensor) -> [Tensor]
}
