import Errors

extension Setting {
  /// Where a run is written.
  public static let runFolder = Setting("the folder of the run")
  /// A run whose weights another one begins with.
  public static let weightsOfAnother = Setting("the weights of another run")
}
