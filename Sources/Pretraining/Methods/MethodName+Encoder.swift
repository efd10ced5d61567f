import Augmentation
import Encoders
import Methods
import Torch

extension ResolvedConfiguration {
  /// The encoder that the method trains: that of section `encoder`, or two of them that see different halves of colors.
  func makeEncoder(generator: Generator) -> any ImageEncoder {
    self.method.name == .cmc
      ? makeLabEncoder(generator: generator) : encoderSettings.makeEncoder(generator: generator)
  }

  /// Encoders of section `encoder` for both halves of the color space.
  func makeLabEncoder(generator: Generator) -> LabEncoder {
    LabEncoder(
      encoderSettings, mean: self.augmentation.mean, standardDeviation: self.augmentation.standardDeviation,
      generator: generator)
  }

  /// Gives a method the weights that its own section names: a teacher's.
  ///
  /// - Returns: what was done, in words; nil for methods without.
  /// - Throws: ``RunError`` saying why they do not fit; `TorchError` when they cannot be read.
  func loadGivenWeights(into method: any PretrainingMethod) throws -> String? {
    try (method as? Distillation)?.loadTeacher(self)
  }
}
