import Foundation
import Images

/// Images in tar archives, read in place: nothing is unpacked, and any image can be read at any time.
///
/// An archive is gone through once, when it is opened. A file is open only while an image is read from it, so that the
/// number of shards is not limited by the number of open files.
public struct ArchivedImages: ImageDataSet {
  struct Record: Sendable {
    let archive: Int32
    var label: Int32
    let offset: Int
    let size: Int
    let name: String

    func labeled(_ label: Int32) -> Record {
      var record = self
      record.label = label
      return record
    }
  }

  public let layout: String
  public let classNames: [String]
  public private(set) var passedOver: PassedOver
  /// Whether the folders in the archives are parts of a data set, of which one was taken.
  private(set) var isOfOneSplit = false
  private let archives: [String]
  private let records: [Record]

  /// - Parameters:
  ///   - kind: What lies in the archives.
  ///   - records: In the order of the data set; `label` is −1 where there are no classes.
  ///   - sieve: What the images were told from.
  private init(
    _ kind: String, in archives: [TarArchive], records: [Record], classNames: [String], sieve: ArchiveSieve
  ) {
    layout = "\(kind) in " + (archives.count == 1 ? "a tar archive" : "\(archives.count) tar archives")
    passedOver = sieve.passedOver
    (self.archives, self.records, self.classNames) = (archives.map(\.path), records, classNames)
  }

  public var count: Int { records.count }

  public func label(at index: Int) -> Int? { classNames.isEmpty ? nil : Int(records[index].label) }

  public func name(at index: Int) -> String { archives[Int(records[index].archive)] + "/" + records[index].name }

  public func key(at index: Int) -> String { ArchiveParts.withoutDot(records[index].name) }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    let record = records[index]
    let file = try ArchiveFile(archives[Int(record.archive)])
    try file.read(into: buffer.resize(to: record.size), at: record.offset)
    return .encoded
  }
}

// MARK: - Kinds of archive

extension ArchivedImages {
  /// How archives are read.
  struct Options {
    /// What the image of a sample is called after its key; empty: by rule.
    var imageKey = ""
    /// Where the folders in the archives are parts of a data set: which one is taken. Nil takes all.
    var split: DataSetSplit?
    /// Whether images at different depths, and samples of which some have no label, are taken without labels.
    var takesAnyDepth = false
  }

  /// Opens tar archives.
  ///
  /// | what is in them | classes |
  /// |---|---|
  /// | tar archives of images, as `ILSVRC2012_img_train.tar` | the names of the inner archives |
  /// | images with `.cls` files of the same name (WebDataset) | the numbers in those |
  /// | images in folders | the first folder |
  /// | images | none |
  ///
  /// - Parameter imageKey: what the image of a WebDataset sample is called after its key, as `left.png`; empty leaves it to
  ///   the rule: the shortest name, or else the first.
  /// - Throws: `DataSetError` when an archive cannot be read, is damaged, holds no image or links to images, or labels
  ///   some images and not others.
  public init(_ paths: [String], imageKey: String = "") throws {
    try self.init(paths, Options(imageKey: imageKey))
  }

  init(_ paths: [String], _ options: Options) throws {
    let archives = try paths.map { try TarArchive($0).withoutLinkedImages() }
    let parts = try ArchiveParts(of: archives, split: options.split)
    let entries = parts.archives.flatMap(\.entries)
    if entries.contains(where: { $0.name.hasSuffix(".tar") }) {
      try self.init(classArchivesIn: parts.archives)
    } else if entries.contains(where: { $0.name.hasSuffix(".cls") }) {
      try self.init(samplesIn: parts.archives, options)
    } else {
      try self.init(foldersIn: parts, options)
    }
    isOfOneSplit = parts.areParts
    if let left = parts.leftOut { passedOver.note("of another split", left.first, count: left.count) }
    guard !records.isEmpty else {
      throw DataSetError("\(paths[0]): no images in it; expected image files (\(ImageKind.names)) in a tar archive")
    }
  }

  /// ImageNet's: an archive of archives, one for each class. A class may be spread over several outer ones.
  private init(classArchivesIn archives: [TarArchive]) throws {
    var classes: [String: [Record]] = [:]
    var sieve = ArchiveSieve()
    for (number, archive) in archives.enumerated() {
      for inner in archive.entries where inner.name.hasSuffix(".tar") {
        let name = String(lastComponent(inner.name).dropLast(".tar".count))
        let entries = try TarArchive(archive.path, within: inner).withoutLinkedImages().entries
        let images = try sieve.images(among: entries, in: archive.path)
        classes[name, default: []] += sorted(images).map { image in
          Record(
            archive: Int32(number), label: -1, offset: image.offset, size: image.size, name: name + "/" + image.name)
        }
      }
    }
    let names = classes.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let records = names.enumerated().flatMap { label, name in
      classes[name]!.map { $0.labeled(Int32(label)) }
    }
    self.init("an archive for each class", in: archives, records: records, classNames: names, sieve: sieve)
  }

  /// WebDataset's: files of one sample have one name, up to its first dot, and lie side by side. Of several images the one
  /// with the shortest name counts, `7.jpg` before `7.mask.png`, or else the first.
  private init(samplesIn archives: [TarArchive], _ options: Options) throws {
    var records: [Record] = []
    var sieve = ArchiveSieve(imageKey: options.imageKey)
    var isLabeled = true
    for (number, archive) in archives.enumerated() {
      var keys: Set<Substring> = []
      let images = try sieve.images(among: archive.entries, in: archive.path)
      let places = Set(images.map(\.offset))
      var rest = archive.entries[...]
      while let first = rest.first {
        let key = ArchiveSieve.sampleKey(first.name)
        let files = rest.prefix { ArchiveSieve.sampleKey($0.name) == key }
        rest = rest.dropFirst(files.count)
        let images = files.filter { places.contains($0.offset) }
        guard let image = images.first else { continue }
        for other in images.dropFirst() { sieve.noteBeside(other) }
        guard keys.insert(key).inserted else {
          throw DataSetError(
            "\(archive.path)", expected: "the files of \(key) side by side", got: "them in several places")
        }
        var label: Int32 = -1
        if let file = files.first(where: { $0.name.hasSuffix(".cls") }) {
          label = try Self.label(file, in: archive)
        } else if options.takesAnyDepth {
          isLabeled = false
        } else {
          throw DataSetError(
            "\(archive.path): \(image.name) has no label, but others have: expected \(key).cls beside it")
        }
        records.append(
          Record(archive: Int32(number), label: label, offset: image.offset, size: image.size, name: image.name))
      }
    }
    if records.isEmpty, let complaint = sieve.complaint { throw DataSetError("\(archives[0].path): \(complaint)") }
    let classCount = isLabeled ? (records.map { Int($0.label) }.max() ?? -1) + 1 : 0
    self.init(
      "WebDataset samples", in: archives, records: records, classNames: (0..<classCount).map(String.init), sieve: sieve)
  }

  private static func label(_ entry: TarArchive.Entry, in archive: TarArchive) throws -> Int32 {
    let text = String(
      decoding: try ArchiveFile(archive.path).read(min(entry.size, 64), at: entry.offset), as: UTF8.self
    )
    .trimmingCharacters(in: .whitespacesAndNewlines)
    guard let label = Int32(text), 0..<1_000_000 ~= label else {
      throw DataSetError("\(archive.path)", expected: "a class number from 0 in \(entry.name)", got: "'\(text)'")
    }
    return label
  }

  /// Images as they would lie unpacked: in folders, one a class, or all in one place.
  private init(foldersIn parts: ArchiveParts, _ options: Options) throws {
    var found: [(name: Substring, archive: Int32, entry: TarArchive.Entry)] = []
    var sieve = ArchiveSieve(imageKey: options.imageKey)
    for (number, archive) in parts.archives.enumerated() {
      for entry in try sieve.images(among: sorted(archive.entries), in: archive.path) {
        found.append((parts.nameInPart(entry.name), Int32(number), entry))
      }
    }
    if found.isEmpty, let complaint = sieve.complaint {
      throw DataSetError("\(parts.archives[0].path): \(complaint)")
    }
    let folders = Set(found.map { folder($0.name) })
    var classNames = folders == [""] ? [] : folders.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    if classNames.contains("") {
      guard options.takesAnyDepth else {
        throw DataSetError(
          "\(parts.archives[0].path) holds images directly and in folders; keep either class folders or a flat archive")
      }
      classNames = []
    }
    let labels = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, Int32($0)) })
    let records = found.map { image in
      Record(
        archive: image.archive, label: labels[folder(image.name)] ?? -1, offset: image.entry.offset,
        size: image.entry.size, name: ArchiveParts.withoutDot(image.entry.name))
    }
    self.init(
      classNames.isEmpty ? "images" : "class folders", in: parts.archives, records: records, classNames: classNames,
      sieve: sieve)
  }
}

extension TarArchive {
  /// The archive itself.
  ///
  /// - Throws: `DataSetError` when an image in it is a link, which would otherwise be missing without a word.
  fileprivate func withoutLinkedImages() throws -> TarArchive {
    let isImage = { (name: String) in
      ImageCodec.recognizes(name: lastComponent(name)) && !LeftBehind.isFile(lastComponent(name))
    }
    guard let link = links.first(where: isImage) else { return self }
    throw DataSetError(
      "\(path): \(link) is a link, expected the image itself; pack it with tar --dereference --hard-dereference")
  }
}

private func sorted(_ entries: [TarArchive.Entry]) -> [TarArchive.Entry] {
  entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
}

private func lastComponent(_ name: String) -> Substring { name.split(separator: "/").last ?? "" }

/// The first folder of a path; empty where there is none.
private func folder(_ name: Substring) -> String {
  name.firstIndex(of: "/").map { String(name[..<$0]) } ?? ""
}
