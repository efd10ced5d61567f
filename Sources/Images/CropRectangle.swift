/// A part of an image, in pixels from its top left corner.
public struct CropRectangle: Sendable, Equatable {
  /// First row, from 0.
  public var top: Int
  /// First column, from 0.
  public var left: Int
  /// Rows, at least 1.
  public var height: Int
  /// Columns, at least 1.
  public var width: Int

  /// A rectangle; whether it lies inside an image is checked where one is cropped.
  public init(top: Int, left: Int, height: Int, width: Int) {
    self.top = top
    self.left = left
    self.height = height
    self.width = width
  }
}
