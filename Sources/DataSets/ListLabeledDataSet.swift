import Foundation
import Images

/// Images without labels of their own, labeled by a text file: Tiny-ImageNet's and ImageNet's validation images.
public struct ListLabeledDataSet: ImageDataSet {
  public let layout: String
  public let classNames: [String]
  private let images: any ImageDataSet
  private let labels: [Int]

  /// Reads a line for each image: its file name (with or without extension) and its class, separated by a tab, a space or
  /// a comma; what follows is passed over, as is a first line that begins with `ImageId` (Kaggle's
  /// `LOC_val_solution.csv`). A class is a name of `classNames`, or a number in that order, from 0.
  ///
  /// - Throws: `DataSetError` when the file cannot be read, an image is not in it, or its class is not known.
  public init(_ images: any ImageDataSet, labeledBy list: URL, classNames: [String]) throws {
    guard let text = try? String(contentsOf: list, encoding: .utf8) else {
      throw DataSetError("\(list.path): cannot be read; expected a text file with a file name and a class a line")
    }
    var classes: [Substring: Substring] = [:]
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("ImageId") {
      let words = line.split(whereSeparator: { " \t,".contains($0) })
      guard words.count >= 2 else {
        throw DataSetError("\(list.path): expected a file name and a class in the line '\(line)'")
      }
      classes[Self.stem(words[0])] = words[1]
    }
    let numbers = Dictionary(classNames.enumerated().map { (Substring($1), $0) }, uniquingKeysWith: min)
    labels = try images.indices.map { index in
      let name = images.name(at: index)
      guard let text = classes[Self.stem(name.split(separator: "/").last ?? "")] else {
        throw DataSetError("\(list.path): no class for \(name)")
      }
      guard let label = numbers[text] ?? Int(text).flatMap({ classNames.indices.contains($0) ? $0 : nil }) else {
        throw DataSetError(
          "\(list.path): \(name) is of class '\(text)', which is none of the \(classNames.count) of the train images")
      }
      return label
    }
    (self.images, self.classNames) = (images, classNames)
    layout = "\(images.layout), classes from \(list.lastPathComponent)"
  }

  private static func stem(_ name: Substring) -> Substring { name.prefix { $0 != "." } }

  public var count: Int { images.count }
  public var passedOver: PassedOver { images.passedOver }
  public func label(at index: Int) -> Int? { labels[index] }
  public func name(at index: Int) -> String { images.name(at: index) }
  public func key(at index: Int) -> String { images.key(at: index) }
  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try images.read(at: index, into: buffer)
  }
}
