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
  public init(_ located: LocatedDataSet) {
    (path, layout, imageCount) = (located.path, located.images.layout, located.images.count)
    fingerprint = DataFingerprint(of: located.images)
  }
}

/// The images that taught and those that were judged.
public struct EvaluatedData: Codable, Sendable, Equatable {
  public var train: EvaluatedImages
  public var test: EvaluatedImages

  /// Of what was opened.
  public init(train: LocatedDataSet, test: LocatedDataSet) {
    (self.train, self.test) = (EvaluatedImages(train), EvaluatedImages(test))
  }
}
