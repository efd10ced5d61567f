// PyTorch marks what changes its tensor by a trailing underscore.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CTorch

/// What contrastive losses do to a block of logits `[R, C]`, in one pass over it and in place.
extension Functional {
  /// Turns logits into their exponentials, and adds these up.
  ///
  /// - Parameters:
  ///   - logits: float32 or float64; in float32 up to 88, and −88 or less gives 0.
  ///   - rowSums: float64 `[R]`, grow by the sum of their row.
  ///   - columnSums: float64 `[C]`, grow by the sum of their column.
  public static func exponentiate_(_ logits: Tensor, rowSums: Tensor, columnSums: Tensor? = nil) {
    check(
      ctorch_contrast_exponentiate_(logits.handle, rowSums.handle, columnSums?.handle), "exponentiate_", logits,
      rowSums,
      columnSums)
  }

  /// Turns logits into their exponentials, each times the sum of its row's weight and its column's.
  ///
  /// - Parameters:
  ///   - rowWeights: `[R]`, of the type of the logits.
  ///   - columnWeights: `[C]`, of the type of the logits.
  public static func weighExponentials_(_ logits: Tensor, rowWeights: Tensor, columnWeights: Tensor) {
    check(
      ctorch_contrast_weigh_(logits.handle, rowWeights.handle, columnWeights.handle), "weighExponentials_", logits,
      rowWeights, columnWeights)
  }
}
