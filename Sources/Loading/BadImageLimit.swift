/// How many images of a data set may be such that they cannot be read. One always may.
public struct BadImageLimit: Sendable {
  /// Of the images of the data set, 0…100.
  public var percent: Double
  /// What messages call the setting that raises it; nil where there is none.
  public var settingName: String?

  public init(percent: Double = 1, settingName: String? = nil) {
    (self.percent, self.settingName) = (percent, settingName)
  }

  /// Of so many images.
  func count(of images: Int) -> Int { max(1, Int((percent * Double(images) / 100).rounded(.down))) }
}
