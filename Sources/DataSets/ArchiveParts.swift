/// The files of one part of a data set, where the folders in archives are its parts: `train/cat/1.jpg` and `test/dog/2.jpg`.
struct ArchiveParts {
  /// The archives with the files of the part.
  let archives: [TarArchive]
  /// Files of other parts, and the first of them; nil where there are none.
  let leftOut: (count: Int, first: String)?
  /// What stands before the names of the classes: `train/`, or `images/train/`.
  private let prefixes: [String]

  /// - Parameter split: the part that is wanted; nil takes all files as they are.
  /// - Throws: `DataSetError` when the folders are parts, and none is the wanted one.
  init(of archives: [TarArchive], split: DataSetSplit?) throws {
    let names = archives.flatMap(\.entries).map(\.name)
    guard let split, let (base, folders) = Self.parts(of: names) else {
      (self.archives, leftOut, prefixes) = (archives, nil, [])
      return
    }
    let wanted = Self.wanted(split, of: folders)
    guard !wanted.isEmpty else {
      throw DataSetError(
        "\(archives[0].path): no \(split.rawValue) images; it has "
          + (folders[.train] + folders.measured).map { $0 + "/" }.joined(separator: ", "))
    }
    let prefixes = wanted.map { base + $0 + "/" }
    let isWanted = { (name: String) in prefixes.contains { Self.withoutDot(name).hasPrefix($0) } }
    self.archives = archives.map { TarArchive($0, entries: $0.entries.filter { isWanted($0.name) }) }
    self.prefixes = prefixes
    let others = names.filter { !isWanted($0) }
    leftOut = others.first.map { (others.count, $0) }
  }

  private static func wanted(_ split: DataSetSplit, of folders: SplitFolders) -> [String] {
    split == .test && folders[.test].isEmpty ? folders[.validation] : folders[split]
  }

  /// Where in the archives the parts lie, and which they are; nil where the folders are none.
  private static func parts(of names: [String]) -> (base: String, folders: SplitFolders)? {
    var rest = names.map { withoutDot($0)[...] }
    var base = ""
    while true {
      var folders: [String] = []
      var seen: Set<Substring> = []
      for name in rest {
        guard let slash = name.firstIndex(of: "/") else { continue }
        if seen.insert(name[..<slash]).inserted { folders.append(String(name[..<slash])) }
      }
      folders.removeAll { LeftBehind.isFolder($0) }
      let found = SplitFolders(of: folders)
      if found.isDivided { return (base, found) }
      // A folder around everything.
      guard folders.count == 1, rest.allSatisfy({ $0.contains("/") }) else { return nil }
      rest = rest.filter { $0.hasPrefix(folders[0] + "/") }.map { $0.dropFirst(folders[0].count + 1) }
      base += folders[0] + "/"
    }
  }

  /// Whether there are parts.
  var areParts: Bool { !prefixes.isEmpty }

  /// A name without the part that it belongs to.
  func nameInPart(_ name: String) -> Substring {
    let name = Self.withoutDot(name)
    guard let prefix = prefixes.first(where: name.hasPrefix) else { return name[...] }
    return name.dropFirst(prefix.count)
  }

  static func withoutDot(_ name: String) -> String { name.hasPrefix("./") ? String(name.dropFirst(2)) : name }
}
