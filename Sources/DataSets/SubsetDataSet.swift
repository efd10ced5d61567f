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
    let names = try Self.lines(of: list)
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

  /// The images that a file lists by the last part of their names, one a line, as SimCLR's lists of 1 % and 10 % of
  /// ImageNet do (`n02056570_1487.JPEG`), in the order of the whole data set.
  ///
  /// - Throws: `DataSetError` when the file cannot be read or is empty, or names an image that is not there.
  public init(_ whole: any ImageDataSet, imagesIn list: URL) throws {
    let names = try Self.lines(of: list)
    var wanted = Set(names)
    var indices: [Int] = []
    for index in whole.indices {
      let name = String(whole.name(at: index).split(separator: "/").last ?? "")
      if wanted.remove(name) != nil { indices.append(index) }
    }
    guard wanted.isEmpty else {
      let first = names.first(where: wanted.contains)!
      throw DataSetError(
        "\(list.path): \(wanted.count) of \(names.count) images are not in the data set (first: \(first))")
    }
    self.init(whole, indices: indices)
  }

  private static func lines(of list: URL) throws -> [String] {
    guard let bytes = try? Data(contentsOf: list) else {
      throw DataSetError("\(list.path): cannot be read; expected a text file with one name a line")
    }
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

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try whole.read(at: indices[index], into: buffer)
  }
}

extension ImageDataSet {
  var indices: Range<Int> { 0..<count }
}

/// The images of one data set after those of another, without labels: STL-10's to train on, labeled or not.
public struct JoinedDataSet: ImageDataSet {
  private let first: any ImageDataSet
  private let second: any ImageDataSet

  public init(_ first: any ImageDataSet, _ second: any ImageDataSet) { (self.first, self.second) = (first, second) }

  public var layout: String { first.layout }
  public var classNames: [String] { [] }
  public var count: Int { first.count + second.count }
  public func label(at index: Int) -> Int? { nil }

  public func name(at index: Int) -> String {
    index < first.count ? first.name(at: index) : second.name(at: index - first.count)
  }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    index < first.count
      ? try first.read(at: index, into: buffer) : try second.read(at: index - first.count, into: buffer)
  }
}
