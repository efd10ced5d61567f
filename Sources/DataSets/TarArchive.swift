import Foundation
import Images

/// What lies where in a tar archive, so that files are read from it without unpacking: ustar, GNU's long names, and pax
/// headers (paths and sizes).
struct TarArchive: Sendable {
  /// A regular file in the archive.
  struct Entry: Sendable {
    let name: String
    /// Where its bytes begin in the file that holds the archive.
    let offset: Int
    let size: Int
  }

  let path: String
  let entries: [Entry]
  /// Names of links, which have no bytes of their own.
  let links: [String]

  /// Whether a file's name says that it is one.
  static func isNamedLikeOne(_ name: some StringProtocol) -> Bool { name.lowercased().hasSuffix(".tar") }

  private static let block = 512

  /// Reads the headers of the archive in a file, or in a part of one.
  ///
  /// - Throws: `DataSetError` naming the file and the place when it cannot be read, is no tar archive, or ends early.
  init(_ path: String, within part: Entry? = nil) throws {
    self.path = path
    let file = try ArchiveFile(path)
    let place = part.map { "\(path), in \($0.name)" } ?? path
    let end = part.map { $0.offset + $0.size } ?? file.size
    var entries: [Entry] = []
    var links: [String] = []
    var position = part?.offset ?? 0
    var longName: String?
    var longSize: Int?
    var hasEnd = false
    while position + Self.block <= end {
      let header = try file.read(Self.block, at: position)
      // Two blocks of zeros end an archive; one is enough to know.
      hasEnd = header.allSatisfy { $0 == 0 }
      if hasEnd { break }
      guard Self.hasRightChecksum(header), let size = longSize ?? Self.number(header[124..<136]), size >= 0
      else {
        throw DataSetError(
          position == (part?.offset ?? 0)
            ? Self.noArchive(place)
            : "\(place) is damaged at byte \(position): expected the header of a file; fetch it again")
      }
      let start = position + Self.block
      let name = longName ?? Self.name(header)
      guard size <= end - start else {
        throw DataSetError(
          "\(place) ends early: \(name) should go on to byte \(start + size), but the archive ends at \(end); fetch it "
            + "again")
      }
      (longName, longSize) = (nil, nil)
      switch header[156] {
      case UInt8(ascii: "L"): longName = Self.text(try file.read(size, at: start)[...])
      case UInt8(ascii: "x"):
        let records = Self.paxRecords(try file.read(size, at: start))
        (longName, longSize) = (records["path"], records["size"].flatMap { Int($0) })
      case UInt8(ascii: "0"), UInt8(ascii: "7"), 0: entries.append(Entry(name: name, offset: start, size: size))
      case UInt8(ascii: "1"), UInt8(ascii: "2"): links.append(name)
      default: break
      }
      position = start + (size + Self.block - 1) / Self.block * Self.block
    }
    guard end > (part?.offset ?? 0) else {
      throw DataSetError("\(place) is empty: expected a tar archive of images")
    }
    guard hasEnd else {
      throw DataSetError(
        entries.last.map {
          "\(place) ends early: no end mark follows its last file, \($0.name). Fetch it again, or, if it is whole and was "
            + "written so, append the mark: head -c 1024 /dev/zero >> FILE"
        } ?? Self.noArchive(place))
    }
    (self.entries, self.links) = (entries, links)
  }

  /// The same with fewer files.
  init(_ archive: TarArchive, entries: [Entry]) {
    (path, links, self.entries) = (archive.path, archive.links, entries)
  }

  private static func noArchive(_ place: String) -> String {
    "\(place) is not a tar archive (compressed ones have to be decompressed first)"
  }

  private static func hasRightChecksum(_ header: [UInt8]) -> Bool {
    // The field itself counts as eight spaces.
    let sum = header[..<148].reduce(8 * 32) { $0 + Int($1) }
    return number(header[148..<156]) == header[156...].reduce(sum) { $0 + Int($1) }
  }

  /// Octal digits, or, for sizes beyond their reach, the bytes of a number behind a first bit of 1.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    if field.first! & 0x80 != 0 {
      guard field.first! == 0x80, field.dropFirst().dropLast(7).allSatisfy({ $0 == 0 }) else { return nil }
      return field.suffix(7).reduce(0) { $0 << 8 | Int($1) }
    }
    return Int(text(field).trimmingCharacters(in: .whitespaces), radix: 8)
  }

  private static func name(_ header: [UInt8]) -> String {
    let name = text(header[0..<100])
    let isUstar = text(header[257..<262]) == "ustar" && header[262] == 0
    let prefix = isUstar ? text(header[345..<500]) : ""
    return prefix.isEmpty ? name : prefix + "/" + name
  }

  /// The bytes up to the first zero.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    FileName.printable(FileName.text(bytes.prefix { $0 != 0 }))
  }

  /// Lines of the form "length key=value", each as long as it says.
  private static func paxRecords(_ bytes: [UInt8]) -> [String: String] {
    var records: [String: String] = [:]
    var rest = bytes[...]
    while let space = rest.firstIndex(of: UInt8(ascii: " ")),
      let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex,
      length <= rest.count
    {
      let record = String(decoding: rest[(space + 1)..<(rest.startIndex + length - 1)], as: UTF8.self)
      if let equals = record.firstIndex(of: "=") {
        records[String(record[..<equals])] = String(record[record.index(after: equals)...])
      }
      rest = rest.dropFirst(length)
    }
    return records
  }
}

/// A file that is read at any place, open as long as it is used.
struct ArchiveFile: ~Copyable {
  let size: Int
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileSystem.failure("read", path, code: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.isRegularFile else {
      close(descriptor)
      throw DataSetError(
        "\(path)", expected: "a tar archive in a file that can be read at any place", got: "a pipe or device")
    }
    (self.path, self.descriptor, size) = (path, descriptor, Int(status.st_size))
  }

  deinit { close(descriptor) }

  func read(_ count: Int, at offset: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try read(into: buffer, at: offset)
      filled = count
    }
  }

  /// Fills the buffer.
  func read(into buffer: UnsafeMutableBufferPointer<UInt8>, at offset: Int) throws {
    var filled = 0
    while filled < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset + filled))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw FileSystem.failure("read", path, code: errno) }
      guard count > 0 else { throw DataSetError("\(path) has become shorter since it was opened") }
      filled += count
    }
  }
}
