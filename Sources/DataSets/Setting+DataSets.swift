import Errors

extension Setting {
  /// An archive that was downloaded before.
  public static let archiveAtHand = Setting("the archive")
  /// What draws the shapes data set into a folder.
  public static let drawingOfShapes = Setting("the shapes data set")
  /// What puts CIFAR-10 into a folder.
  public static let downloadOfCIFAR10 = Setting("the download of CIFAR-10")
}
