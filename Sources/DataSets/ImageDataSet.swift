import Images

/// A finite, ordered collection of images that any thread may read at any time.
///
/// The order is fixed: index `i` names the same image in every process and every run, which is what makes sampling,
/// resuming and replacing unreadable images reproducible.
public protocol ImageDataSet: Sendable {
  /// Number of images, at least 1.
  var count: Int { get }

  /// How the images are laid out, in a few words for people: `class folders`.
  var layout: String { get }

  /// Names of the classes, in the order of their labels; empty when the images carry no labels.
  var classNames: [String] { get }

  /// What lies among the images and is not used.
  var passedOver: PassedOver { get }

  /// The label of the image at `index`, in `0..<classNames.count`, or nil when the images carry none.
  func label(at index: Int) -> Int?

  /// Reads what is stored for the image at `index`, undecoded, into `buffer`.
  ///
  /// - Throws: An error that names the image when it cannot be read: any error counts as a bad image.
  func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage

  /// What a log calls the image at `index`: its path, or the file and record that hold it.
  func name(at index: Int) -> String

  /// What tells the image at `index` from the others wherever the data set lies: its path from the root, or its name in
  /// the archive.
  func key(at index: Int) -> String
}

extension ImageDataSet {
  /// The whole name.
  public func key(at index: Int) -> String { name(at: index) }

  /// Nothing: true of data sets whose layout has no room for anything else.
  public var passedOver: PassedOver { PassedOver() }

  /// Reads and decodes the image at `index`.
  ///
  /// - Parameter appliesExifOrientation: Whether it is turned upright as its EXIF data say.
  /// - Throws: What `read(at:into:)` throws, and an `ImageError` that names the image when it cannot be decoded.
  public func image(at index: Int, appliesExifOrientation: Bool = false) throws -> PixelImage {
    let buffer = ByteBuffer()
    switch try read(at: index, into: buffer) {
    case .pixels(let width, let height):
      return PixelImage(width: width, height: height, pixels: Array(buffer.bytes))
    case .encoded:
      do {
        return try ImageCodec.decode(buffer.bytes, appliesExifOrientation: appliesExifOrientation)
      } catch let error as ImageError {
        throw error.naming(name(at: index))
      }
    }
  }
}

/// What a data set holds for an image.
public enum StoredImage: Sendable, Equatable {
  /// An image file, of any kind that is read.
  case encoded
  /// Interleaved 8-bit RGB, row by row without gaps.
  case pixels(width: Int, height: Int)
}

/// The parts of a data set: what is learned from, what is measured on, and what has no labels.
public enum DataSetSplit: String, Sendable, CaseIterable, Codable {
  case train
  /// What results are measured on; what there is for validation, where there is nothing else.
  case test
  /// What is for validation, and only that.
  case validation
  case unlabeled

  /// The two that evaluation needs.
  public static let labeled: [DataSetSplit] = [.train, .test]
}
