import Foundation
import Images

/// Some of the images of another data set, in an order of their own.
public struct SubsetDataSet: ImageDataSet {
  public let classNames: [String]
  private let whole: any ImageDataSet
  private let indices: [Int]
  /// The label here of a label there; nil where they are the same.
  private let relabeling: [Int: Int]?

  /// - Parameter indices: Into `whole`, at least one.
  public init(_ whole: any ImageDataSet, indices: [Int]) {
    precondition(!indices.isEmpty, "SubsetDataSet: expected at least one image")
    (self.whole, self.indices, classNames, relabeling) = (whole, indices, whole.classNames, nil)
  }

  /// The images of the classes that a file lists, one name a line, as ImageNet-100 is given. Labels follow the order of
  /// those classes in the whole data set.
  ///
  /// - Throws: `DataSetError` when the file cannot be read or is empty, names a class that is not there, or the data set
  ///   has no classes.
  public init(_ whole: any ImageDataSet, classesIn list: URL) throws {
    let names = try Self.lines(of: list).map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    // Names that differ in bytes may be the same text: é as one character or as two.
    let known = Dictionary(whole.classNames.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
    let unknown = names.filter { known[$0] == nil }
    guard unknown.isEmpty else {
      throw DataSetError(
        "\(list.path): \(unknown.count) of \(names.count) classes are not in the data set (first: \(unknown[0])), which "
          + (whole.classNames.isEmpty ? "has none" : "has \(whole.classNames.prefix(3).joined(separator: ", ")), …"))
    }
    let kept = Set(names.compactMap { known[$0] }).sorted()
    let relabeling = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    self.whole = whole
    self.relabeling = relabeling
    classNames = kept.map { whole.classNames[$0] }
    indices = whole.indices.filter { index in whole.label(at: index).map { relabeling[$0] != nil } ?? false }
    guard !indices.isEmpty else { throw DataSetError("\(list.path): its classes have no images in the data set") }
  }

  /// The images that a file lists, one a line, in the order of the whole data set: by their paths or the last parts of
  /// those, `n02056570/n02056570_1487.JPEG`, down to the name alone, as SimCLR's lists of 1 % and 10 % of ImageNet do. An
  /// extension may be left out.
  ///
  /// - Throws: `DataSetError` when the file cannot be read or is empty, names an image that is not there, or has a line
  ///   that fits several images.
  public init(_ whole: any ImageDataSet, imagesIn list: URL) throws {
    self.init(whole, indices: try ImageList(Self.lines(of: list), name: list.path).indices(in: whole))
  }

  private static func lines(of list: URL) throws -> [String] {
    guard var bytes = try? Data(contentsOf: list) else {
      throw DataSetError("\(list.path): cannot be read; expected a text file with one name a line")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    // Names are compared as people see them, since a list may hold them either way.
    let lines = bytes.split(whereSeparator: { "\r\n".utf8.contains($0) }).map { line in
      FileName.printable(FileName.text(line)).trimmingCharacters(in: .whitespaces)
    }.filter { !$0.isEmpty }
    guard !lines.isEmpty else { throw DataSetError("\(list.path) is empty: expected one name a line") }
    return lines
  }

  public var count: Int { indices.count }

  public var layout: String { whole.layout }

  public var passedOver: PassedOver { whole.passedOver }

  public func label(at index: Int) -> Int? {
    guard let label = whole.label(at: indices[index]) else { return nil }
    return relabeling.map { $0[label]! } ?? label
  }

  public func name(at index: Int) -> String { whole.name(at: indices[index]) }

  public func key(at index: Int) -> String { whole.key(at: indices[index]) }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try whole.read(at: indices[index], into: buffer)
  }
}

extension ImageDataSet {
  var indices: Range<Int> { 0..<count }
}
