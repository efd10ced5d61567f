import DataSets
import Pretraining

/// Which images an evaluation was of.
public struct EvaluatedImages: Codable, Sendable, Equatable {
  /// The folder, archive or list that holds them.
  public var path: String
  public var layout: String
  public var imageCount: Int
  /// Tells them from others, wherever they lie.
  public var fingerprint: DataFingerprint

  /// Reads some of the images for the fingerprint.
  public init(_ images: any ImageDataSet, at path: String) {
    self.path = path
    (layout, imageCount, fingerprint) = (images.layout, images.count, DataFingerprint(of: images))
  }
}

/// The images that taught and those that were judged.
public struct EvaluatedData: Codable, Sendable, Equatable {
  public var train: EvaluatedImages
  public var test: EvaluatedImages

  public init(train: EvaluatedImages, test: EvaluatedImages) { (self.train, self.test) = (train, test) }

  /// Of what was opened.
  public init(train: LocatedDataSet, test: LocatedDataSet) {
    self.init(
      train: EvaluatedImages(train.images, at: train.path), test: EvaluatedImages(test.images, at: test.path))
  }

  /// Whether they are the same images, wherever they lie.
  func isSame(as other: EvaluatedData) -> Bool {
    train.fingerprint == other.train.fingerprint && test.fingerprint == other.test.fingerprint
  }
}
