import DataSets
import Foundation
import Images

/// Tells the images that a run is trained on from others: by their names and labels in their order and by what is stored for
/// some of them, not by where they lie, so that a data set may be moved.
public struct DataFingerprint: Codable, Equatable, Sendable {
  /// Of the last parts of all names.
  public var names: String
  /// Of the classes' names and all labels.
  public var labels: String
  /// Of what is stored for a hundred images. One that cannot be read is as good as another.
  public var contents: String

  /// Reads the names and labels of all images, and what is stored for a hundred.
  public init(of images: any ImageDataSet) {
    let (names, labels, contents) = (SHA256(), SHA256(), SHA256())
    for name in images.classNames { labels.add("\(name)\n") }
    for index in 0..<images.count {
      names.add("\(images.name(at: index).split(separator: "/").last ?? "")\n")
      labels.add("\(images.label(at: index) ?? -1)\n")
    }
    let buffer = ByteBuffer()
    for index in stride(from: 0, to: images.count, by: max(1, images.count / 100)) {
      guard (try? images.read(at: index, into: buffer)) != nil else { continue }
      let bytes = UnsafeRawBufferPointer(buffer.bytes)
      contents.add("\(bytes.count)\n")
      contents.add(bytes)
    }
    (self.names, self.labels, self.contents) = (names.finished(), labels.finished(), contents.finished())
  }

  /// What differs from `other`, in words; nil when they are of the same images.
  func difference(from other: DataFingerprint) -> String? {
    if names != other.names { return "their names or their order are others" }
    if labels != other.labels { return "their labels are others" }
    return contents != other.contents ? "what is stored for them is another" : nil
  }
}
