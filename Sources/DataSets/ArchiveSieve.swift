import Foundation
import Images

/// Tells the images in archives from what else lies there, which it counts.
struct ArchiveSieve {
  private(set) var passedOver = PassedOver()
  /// What images of samples are called after their keys, the first that there is counts; empty: by rule.
  private let wanted: [String]
  /// What images were called that the key does not name.
  private var unwanted: Set<String> = []

  /// - Parameter imageKey: what the image of a sample is called after the sample's key, `jpg` or `left.png`; several with
  ///   semicolons between them. Empty leaves it to the rule.
  init(imageKey: String = "") {
    wanted = imageKey.lowercased().split(separator: ";").map {
      $0.drop { $0 == "." }.trimmingCharacters(in: .whitespaces)
    }
  }

  /// The images among the entries of an archive, in their order. What is not used here but read all the same, `.cls`
  /// files, is not counted.
  ///
  /// An image beside one of a shorter name, `7.mask.png` beside `7.jpg`, is no sample of its own but belongs to that one.
  /// Where all samples have images of the same names, `7.left.png` and `7.right.png`, or something else beside them, such
  /// as `7.json`, the first counts.
  ///
  /// - Throws: `DataSetError` when the archive cannot be read.
  mutating func images(among entries: [TarArchive.Entry], in archive: String) throws -> [TarArchive.Entry] {
    let file = try ArchiveFile(archive)
    var images: [TarArchive.Entry] = []
    var companions: Set<Substring> = []
    for entry in entries {
      if Self.isLeftBehind(entry.name) {
        passedOver.note(LeftBehind.kind, entry.name)
      } else if try Self.isImage(entry, in: file) {
        images.append(entry)
      } else {
        companions.insert(Self.sampleKey(entry.name))
        if !entry.name.hasSuffix(".cls") { passedOver.noteFile(entry.name) }
      }
    }
    if !wanted.isEmpty { return named(images) }
    // The first with nothing between key and extension, or else the first.
    let plain = images.filter { Self.isPlain($0.name) }
    let chosen = Dictionary(
      (plain + images).map { (Self.sampleKey($0.name), $0.offset) }, uniquingKeysWith: { first, _ in first })
    let samples = Set(plain.map { Self.sampleKey($0.name) })
    let areAlike = Self.haveImagesAlike(images)
    return images.filter { image in
      let key = Self.sampleKey(image.name)
      let isCompanion = samples.contains(key) && !Self.isPlain(image.name)
      guard chosen[key] != image.offset, isCompanion || areAlike || companions.contains(key) else { return true }
      noteBeside(image)
      return false
    }
  }

  /// The images of samples that have the wanted names.
  private mutating func named(_ images: [TarArchive.Entry]) -> [TarArchive.Entry] {
    var chosen: [Substring: (rank: Int, image: TarArchive.Entry)] = [:]
    for image in images {
      guard let rank = wanted.firstIndex(where: { Self.isCalled($0, image.name) }) else {
        unwanted.insert(Self.imageKey(image.name))
        continue
      }
      let key = Self.sampleKey(image.name)
      if chosen[key].map({ rank < $0.rank }) ?? true { chosen[key] = (rank, image) }
    }
    return images.filter { image in
      let choice = chosen[Self.sampleKey(image.name)]
      if choice?.image.offset == image.offset { return true }
      if choice != nil {
        noteBeside(image)
      } else {
        passedOver.note("of samples without \(wanted.joined(separator: ";"))", image.name)
      }
      return false
    }
  }

  /// What to say of archives that hold no image of the wanted name.
  var complaint: String? {
    guard !wanted.isEmpty, !unwanted.isEmpty else { return nil }
    let others = unwanted.sorted()
    return "no image is called '\(wanted.joined(separator: ";"))' after its sample; there are "
      + others.prefix(5).joined(separator: ", ") + (others.count > 5 ? ", …" : "")
  }

  /// Whether all samples, and there are several, have several images of the same names, which are words and no numbers.
  private static func haveImagesAlike(_ images: [TarArchive.Entry]) -> Bool {
    let names = Dictionary(grouping: images, by: { sampleKey($0.name) }).values.map {
      Set($0.map { imageKey($0.name) })
    }
    guard names.count > 1, let first = names.first, first.count > 1 else { return false }
    return names.allSatisfy { $0 == first } && first.allSatisfy { $0.prefix { $0 != "." }.contains(where: \.isLetter) }
  }

  /// What follows a sample's key in a name, in lower case: `left.png`.
  private static func imageKey(_ name: String) -> String {
    name.dropFirst(sampleKey(name).count + 1).lowercased()
  }

  private static func isCalled(_ key: String, _ name: String) -> Bool {
    let own = imageKey(name)
    return own == key || own.hasPrefix(key + ".")
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
