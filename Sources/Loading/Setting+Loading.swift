import Errors

extension Setting {
  /// Images a step, over all processes.
  public static let globalBatchSize = Setting("a global batch of")
  /// The side of views in pixels.
  public static let imageSize = Setting("the size of views")
}
