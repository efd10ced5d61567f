import Images

/// Tells the images in archives from what else lies there, which it counts.
struct ArchiveSieve {
  private(set) var passedOver = PassedOver()

  /// The images among the entries of an archive, in their order. What is not used here but read all the same, `.cls`
  /// files, is not counted.
  ///
  /// An image beside one of a shorter name, `7.mask.png` beside `7.jpg`, is no sample of its own but belongs to that one.
  ///
  /// - Throws: `DataSetError` when the archive cannot be read.
  mutating func images(among entries: [TarArchive.Entry], in archive: String) throws -> [TarArchive.Entry] {
    let file = try ArchiveFile(archive)
    var images: [TarArchive.Entry] = []
    for entry in entries {
      if Self.isLeftBehind(entry.name) {
        passedOver.note(LeftBehind.kind, entry.name)
      } else if try Self.isImage(entry, in: file) {
        images.append(entry)
      } else if !entry.name.hasSuffix(".cls") {
        passedOver.noteFile(entry.name)
      }
    }
    let samples = Set(images.lazy.filter { Self.isPlain($0.name) }.map { Self.sampleKey($0.name) })
    return images.filter { image in
      guard !Self.isPlain(image.name), samples.contains(Self.sampleKey(image.name)) else { return true }
      noteBeside(image)
      return false
    }
  }

  /// Notes an image that is not used because another stands for its sample.
  mutating func noteBeside(_ image: TarArchive.Entry) {
    passedOver.note("beside another image of the sample", image.name)
  }

  /// A name up to the first dot of its last component: what files of one sample have in common.
  static func sampleKey(_ name: String) -> Substring {
    let start = name.lastIndex(of: "/").map(name.index(after:)) ?? name.startIndex
    return name[..<(name[start...].firstIndex(of: ".") ?? name.endIndex)]
  }

  /// Whether there is nothing between a sample's key and the extension.
  private static func isPlain(_ name: String) -> Bool { !name.dropFirst(sampleKey(name).count + 1).contains(".") }

  private static func isLeftBehind(_ name: String) -> Bool {
    let parts = name.split(separator: "/").filter { $0 != "." }
    return parts.dropLast().contains(where: LeftBehind.isFolder) || parts.last.map(LeftBehind.isFile) ?? false
  }

  private static func isImage(_ entry: TarArchive.Entry, in file: borrowing ArchiveFile) throws -> Bool {
    if ImageCodec.recognizes(name: entry.name.split(separator: "/").last ?? "") { return true }
    let count = min(entry.size, ImageCodec.signatureBytes)
    guard count > 0 else { return false }
    return ImageCodec.recognizes(signature: try file.read(count, at: entry.offset))
  }
}
