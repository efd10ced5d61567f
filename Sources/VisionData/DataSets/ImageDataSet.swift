/// A finite, ordered collection of images that any thread may read at any time.
///
/// The order is fixed: index `i` names the same image in every process and every run, which is what makes sampling,
/// resuming and replacing unreadable images reproducible.
public protocol ImageDataSet: Sendable {
  /// Number of images, at least 1.
  var count: Int { get }

  /// Names of the classes, in the order of their labels; empty when the images carry no labels.
  var classNames: [String] { get }

  /// The label of the image at `index`, in `0..<classNames.count`, or nil when the images carry none.
  func label(at index: Int) -> Int?

  /// Reads and decodes the image at `index`.
  ///
  /// - Throws: `VisionDataError` that names the file when it cannot be read or is not an image.
  func image(at index: Int) throws -> PixelImage

  /// What a log calls the image at `index`: its path, or the file and record that hold it.
  func name(at index: Int) -> String
}

/// The two parts of a data set: what is learned from, and what is measured on.
public enum DataSetSplit: String, Sendable, CaseIterable, Codable {
  case train
  case test
}
