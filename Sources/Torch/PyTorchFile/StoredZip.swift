import CDigest
import Foundation

/// A ZIP archive whose entries are stored without compression, which is how PyTorch writes weights (and the only way that
/// they cannot unpack to more than the file holds). The directory at its end says all; parts of the file that are read lie
/// within it and apart from each other.
struct StoredZip<Bytes: RandomAccessBytes> {
  let bytes: Bytes
  /// The bytes of every entry in the file, by name.
  private(set) var entries: [String: Entry] = [:]

  struct Entry {
    let range: Range<Int>
    /// Of its bytes, as the directory has it (CRC-32).
    let checksum: UInt32
  }

  /// - Throws: ``PyTorchFileProblem`` when the bytes are no such archive; what reading them throws.
  init(_ bytes: Bytes) throws {
    self.bytes = bytes
    let (directory, count) = try Self.directory(of: bytes)
    var fields = LittleEndianFields(try bytes.bytes(directory))
    for _ in 0..<count {
      let listed = try fields.directoryEntry()
      let range = try Self.place(of: listed, in: bytes, before: directory.lowerBound)
      guard entries.updateValue(Entry(range: range, checksum: listed.checksum), forKey: listed.name) == nil else {
        throw PyTorchFileProblem("the entry \(listed.name.shownInMessage) is there twice")
      }
    }
    var end = 0
    for range in entries.values.map(\.range).sorted(by: {
      ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
    }) {
      guard range.isEmpty || range.lowerBound >= end else { throw PyTorchFileProblem("its entries overlap") }
      end = max(end, range.upperBound)
    }
  }

  /// The bytes of an entry.
  ///
  /// - Throws: ``PyTorchFileProblem`` when there is none, or its bytes have another checksum than the directory says.
  func contents(of name: String) throws -> [UInt8] {
    guard let entry = entries[name] else { throw PyTorchFileProblem("the entry \(name.shownInMessage) is missing") }
    let contents = try bytes.bytes(entry.range)
    try confirm(contents.withUnsafeBytes { CRC32.of($0) } == entry.checksum, name)
    return contents
  }

  /// Confirms an entry's checksum, reading it piece by piece.
  ///
  /// - Throws: ``PyTorchFileProblem`` when its bytes have another one.
  func confirmWhole(_ name: String) throws {
    guard let entry = entries[name] else { return }
    var checksum = CRC32()
    let step = 1 << 20
    for start in stride(from: entry.range.lowerBound, to: entry.range.upperBound, by: step) {
      let part = try bytes.bytes(start..<min(start + step, entry.range.upperBound))
      part.withUnsafeBytes { checksum.add($0) }
    }
    try confirm(checksum.value == entry.checksum, name)
  }

  private func confirm(_ isWhole: Bool, _ name: String) throws {
    guard isWhole else {
      throw PyTorchFileProblem("the entry \(name.shownInMessage) is damaged (its checksum differs)")
    }
  }

  // MARK: - Directory

  /// Where the directory lies, and how many entries it has.
  private static func directory(of bytes: Bytes) throws -> (Range<Int>, count: Int) {
    let recordSize = 22
    let tail = max(0, bytes.count - recordSize - 0xffff)..<bytes.count
    let end = try bytes.bytes(tail)
    let signature: [UInt8] = [0x50, 0x4b, 5, 6]
    guard
      let start = stride(from: end.count - recordSize, through: 0, by: -1).first(where: {
        end[$0..<$0 + 4].elementsEqual(signature)
      })
    else { throw PyTorchFileProblem("its directory is missing: the file was cut off") }
    var fields = LittleEndianFields(Array(end[start...]))
    try fields.skip(10)
    var (count, size, offset) = (try fields.number(2), try fields.number(4), try fields.number(4))
    if count == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff {
      (count, size, offset) = try largeDirectory(before: tail.lowerBound + start, of: bytes)
    }
    guard offset <= bytes.count, size <= bytes.count - offset, count <= size / 46 else {
      throw PyTorchFileProblem("its directory lies outside the file")
    }
    return (offset..<offset + size, count)
  }

  /// The same of a file beyond four gigabytes (ZIP64), whose record lies before the common one.
  private static func largeDirectory(before end: Int, of bytes: Bytes) throws -> (count: Int, size: Int, offset: Int) {
    guard end >= 20 else { throw PyTorchFileProblem("its directory lies outside the file") }
    var locator = LittleEndianFields(try bytes.bytes(end - 20..<end))
    try locator.expect(0x0706_4b50)
    try locator.skip(4)
    let place = try locator.number(8)
    guard place <= bytes.count - 56 else { throw PyTorchFileProblem("its directory lies outside the file") }
    var record = LittleEndianFields(try bytes.bytes(place..<place + 56))
    try record.expect(0x0606_4b50)
    try record.skip(28)
    let count = try record.number(8)
    return (count, try record.number(8), try record.number(8))
  }

  /// Where the bytes of an entry lie: behind a header of its own, whose length only that says.
  private static func place(of entry: LittleEndianFields.DirectoryEntry, in bytes: Bytes, before end: Int) throws
    -> Range<Int>
  {
    let headerSize = 30
    guard entry.headerOffset <= end - headerSize else {
      throw PyTorchFileProblem("the entry \(entry.name.shownInMessage) lies outside the file")
    }
    var header = LittleEndianFields(try bytes.bytes(entry.headerOffset..<entry.headerOffset + headerSize))
    try header.expect(0x0403_4b50)
    try header.skip(22)
    let start = entry.headerOffset + headerSize + (try header.number(2)) + (try header.number(2))
    guard start <= end, entry.size <= end - start else {
      throw PyTorchFileProblem("the entry \(entry.name.shownInMessage) lies outside the file")
    }
    return start..<start + entry.size
  }
}

/// What is wrong with a file of PyTorch's, in words that go on from its name.
struct PyTorchFileProblem: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Numbers in little-endian order, one after another.
struct LittleEndianFields {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw PyTorchFileProblem("its directory is cut off") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func skip(_ count: Int) throws { _ = try take(count) }

  /// A number of up to 8 bytes that an `Int` holds.
  mutating func number(_ count: Int) throws -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw PyTorchFileProblem("its directory has an impossible number") }
    return number
  }

  mutating func expect(_ signature: Int) throws {
    guard try number(4) == signature else { throw PyTorchFileProblem("its directory is damaged") }
  }

  /// What a ZIP directory says of an entry.
  struct DirectoryEntry {
    let name: String
    let size: Int
    let checksum: UInt32
    let headerOffset: Int
  }

  mutating func directoryEntry() throws -> DirectoryEntry {
    try expect(0x0201_4b50)
    try skip(4)
    let (flags, method) = (try number(2), try number(2))
    try skip(4)
    let checksum = UInt32(try number(4))
    var (packed, size) = (try number(4), try number(4))
    let (nameCount, extraCount, commentCount) = (try number(2), try number(2), try number(2))
    try skip(8)
    var offset = try number(4)
    guard let name = String(validating: try take(nameCount), as: UTF8.self) else {
      throw PyTorchFileProblem("the name of an entry is not text in UTF-8")
    }
    var extra = LittleEndianFields(Array(try take(extraCount)))
    try skip(commentCount)
    // Numbers that take more than four bytes stand in a field of their own, in this order.
    if [packed, size, offset].contains(0xffff_ffff) {
      while true {
        let (kind, count) = (try extra.number(2), try extra.number(2))
        if kind == 1 { break }
        try extra.skip(count)
      }
      if size == 0xffff_ffff { size = try extra.number(8) }
      if packed == 0xffff_ffff { packed = try extra.number(8) }
      if offset == 0xffff_ffff { offset = try extra.number(8) }
    }
    guard method == 0, size == packed, flags & 1 == 0 else {
      throw PyTorchFileProblem("the entry \(name.shownInMessage) is compressed or encrypted, which PyTorch's are not")
    }
    return DirectoryEntry(name: name, size: size, checksum: checksum, headerOffset: offset)
  }
}

/// The checksum of ZIP archives, by zlib.
package struct CRC32 {
  package private(set) var value: UInt32 = 0

  package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var checksum = CRC32()
    checksum.add(bytes)
    return checksum.value
  }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    value = cdigest_crc32(value, bytes.baseAddress, bytes.count)
  }
}
