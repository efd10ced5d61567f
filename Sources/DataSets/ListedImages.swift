import Foundation
import Images

/// Images that a text file names, one a line, by their paths; in the order of the list, and as often as it names them.
///
/// A relative path begins at the list's folder, or else at the working folder. A line may name a class besides, behind a
/// tab, a comma or the last space: `cat/1.jpg 3`. Classes are ordered by their numbers, or by the bytes of their names.
public struct ListedImages: ImageDataSet {
  public let classNames: [String]
  private let list: String
  /// As the list has them.
  private let lines: [String]
  private let paths: [String]
  private let labels: [Int32]

  public var count: Int { paths.count }
  public var layout: String { classNames.isEmpty ? "a list of images" : "a list of images and classes" }
  public func label(at index: Int) -> Int? { labels.isEmpty ? nil : Int(labels[index]) }
  public func name(at index: Int) -> String { FileName.printable(paths[index]) }
  public func key(at index: Int) -> String { FileName.printable(lines[index]) }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try buffer.read(contentsOf: paths[index])
    return .encoded
  }
}

extension ListedImages {
  /// - Throws: `DataSetError` when the file cannot be read or is empty, or names files that are not there.
  public init(listIn path: String) throws {
    guard let list = try Lines(path) else {
      throw DataSetError("\(path): expected a text file of paths, one a line")
    }
    try self.init(list)
  }

  private init(_ list: Lines) throws {
    let rows = try list.rows()
    if let missing = rows.first(where: { $0.path == nil }) {
      let count = rows.count { $0.path == nil }
      throw DataSetError(
        "\(list.name): \(count) of \(rows.count) images are not there (first: \(FileName.printable(missing.line))); expected "
          + "a path a line, beginning at the list's folder, at the working folder or with /")
    }
    let names = Set(rows.compactMap(\.label))
    guard names.isEmpty || rows.allSatisfy({ $0.label != nil }) else {
      let bare = rows.first { $0.label == nil }!
      throw DataSetError("\(list.name): \(FileName.printable(bare.line)) has no class, but other lines have")
    }
    let areNumbers = names.allSatisfy { Int($0) != nil }
    classNames = names.sorted {
      areNumbers ? Int($0)! < Int($1)! : $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    let places = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, Int32($0)) })
    self.list = list.name
    lines = rows.map(\.line)
    paths = rows.map { $0.path! }
    labels = names.isEmpty ? [] : rows.map { places[$0.label!]! }
  }
}

/// The lines of a text file of paths.
private struct Lines {
  let name: String
  private let folder: String
  private let lines: [String]

  /// Nil for a file that is no text.
  ///
  /// - Throws: `DataSetError` when it cannot be read or has no lines.
  init?(_ path: String) throws {
    guard try Self.isText(path) else { return nil }
    let buffer = ByteBuffer()
    do {
      try buffer.read(contentsOf: path)
    } catch {
      throw DataSetError("\(error)")
    }
    var bytes = buffer.bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    lines = bytes.split(whereSeparator: { "\r\n".utf8.contains($0) })
      .map { FileName.text($0).trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    guard !lines.isEmpty else { throw DataSetError("\(path) is empty: expected a path a line") }
    name = path
    folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
  }

  /// Whether a file begins as no other kind of file does. It may be very large.
  private static func isText(_ path: String) throws -> Bool {
    let file = try ArchiveFile(path)
    let head = try file.read(min(4096, file.size), at: 0)
    return !head.contains { $0 < 0x20 && !"\t\n\r\u{0C}".utf8.contains($0) } && !head.starts(with: [0xFF])
  }

  struct Row {
    let line: String
    /// Nil where there is no such file.
    let path: String?
    let label: String?
  }

  /// What each line names. A first line that names nothing, above others that do, is a heading.
  func rows() throws -> [Row] {
    let rows = try lines.map(row)
    let isHeading =
      rows.count > 1 && rows[0].path == nil && rows[1].path != nil && lines[0].contains { ",\t".contains($0) }
    return isHeading ? Array(rows.dropFirst()) : rows
  }

  private func row(_ line: String) throws -> Row {
    if let path = try file(line) { return Row(line: line, path: path, label: nil) }
    for separators in ["\t", ",", " "] {
      // Paths may hold spaces and commas; a class stands behind the last.
      guard let cut = line.lastIndex(where: { separators.contains($0) }) else { continue }
      let text = { (part: Substring) in
        part.trimmingCharacters(in: .whitespaces).trimmingCharacters(in: CharacterSet(charactersIn: "\""))
      }
      let (name, label) = (text(line[..<cut]), text(line[line.index(after: cut)...]))
      if !label.isEmpty, let path = try file(name) {
        return Row(line: name, path: path, label: FileName.printable(label))
      }
    }
    return Row(line: line, path: nil, label: nil)
  }

  private func file(_ line: String) throws -> String? {
    let places = line.hasPrefix("/") ? [line] : [folder + "/" + line, line]
    return try places.first { try FileSystem.kind(of: $0) == .file }
  }
}

extension ListedImages {
  /// Opens a text file of paths. Where it names folders or archives, each is opened as what it is, in the order of the
  /// lines.
  ///
  /// - Returns: nil for a file that is no text.
  /// - Throws: `DataSetError` when it names what is not there.
  static func open(_ path: String, with locator: DataSetLocator) throws -> (any ImageDataSet)? {
    guard let list = try Lines(path) else { return nil }
    guard let places = try list.places() else { return try ListedImages(list) }
    return JoinedDataSet(try places.map { try locator.locate(URL(fileURLWithPath: $0), split: .train).images })
  }
}

extension Lines {
  /// Folders and archives, where every line names one; nil otherwise.
  func places() throws -> [String]? {
    var places: [String] = []
    for line in lines {
      let candidates = line.hasPrefix("/") ? [line] : [folder + "/" + line, line]
      guard
        let place = try candidates.first(where: {
          let kind = try FileSystem.kind(of: $0)
          return kind == .folder || (kind == .file && TarArchive.isNamedLikeOne($0))
        })
      else { return nil }
      places.append(place)
    }
    return places
  }
}
