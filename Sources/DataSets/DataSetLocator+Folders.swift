import Foundation
import Images

extension SplitFolders {
  /// The parts of the data set in a folder, and the folder that holds them: the given one, or the only one in it.
  static func find(in root: String) throws -> (base: String, folders: SplitFolders) {
    let top = try Self(at: root)
    var (base, inner) = (root, top)
    while inner.isEmpty, inner.others.count == 1, try !hasImages(base) {
      base += "/" + inner.others[0]
      inner = try Self(at: base)
      if inner.isDivided { return (base, inner) }
    }
    return (root, top)
  }

  private init(at folder: String) throws {
    let names = try FileSystem.entries(of: folder).filter { $0.isFolder && !LeftBehind.isFolder($0.name) }.map(\.name)
    self.init(of: names)
    // What lies beside other folders of images like one of them is a class: trains among cars and buses.
    if !isEmpty, measured.isEmpty, !others.isEmpty, try names.allSatisfy({ try Self.isFlat(folder + "/" + $0) }) {
      self.init(others: names)
    }
  }

  private static func isFlat(_ folder: String) throws -> Bool {
    try hasImages(folder) && !FileSystem.entries(of: folder).contains { $0.isFolder && !LeftBehind.isFolder($0.name) }
  }

  /// Whether images or archives lie right in a folder, by their names.
  private static func hasImages(_ folder: String) throws -> Bool {
    try FileSystem.entries(of: folder).contains {
      !$0.isFolder && !LeftBehind.isFile($0.name)
        && (ImageCodec.recognizes(name: $0.name) || TarArchive.isNamedLikeOne($0.name))
    }
  }
}

extension DataSetLocator {
  /// One split of what lies in a folder.
  func locateFolder(_ root: URL, split: DataSetSplit) throws -> LocatedDataSet {
    let (base, folders) = try SplitFolders.find(in: root.path)
    switch split {
    case .train: return try locateTrain(base, folders)
    case .unlabeled:
      guard let found = try openParts(folders[.unlabeled], in: base, split: split) else {
        throw DataSetError("\(root.path): no unlabeled images apart; expected unlabeled/ or stl10_binary in it")
      }
      return found
    case .validation:
      if let found = try openMeasured(folders[.validation], in: base, split) { return found }
    case .test:
      if let found = try openMeasured(folders[.test] + folders[.validation], in: base, split) { return found }
    }
    if folders.measured.isEmpty, let found = try locateWithinClasses(base, folders, split) { return found }
    if let found = try locateArchives(base, split) { return found }
    throw missing(split, in: base, folders)
  }

  private func missing(_ split: DataSetSplit, in base: String, _ folders: SplitFolders) -> DataSetError {
    let all = (folders[.train] + folders[.validation] + folders[.test] + folders[.unlabeled] + folders.others).sorted()
    let listing =
      all.isEmpty
      ? "it has no folders"
      : "it has " + all.prefix(5).map { FileName.printable($0) + "/" }.joined(separator: ", ")
        + (all.count > 5 ? ", …" : "")
    let (kind, names) =
      switch split {
      case .train, .unlabeled: ("training", "train/")
      case .test: ("test", "test/ or val/")
      case .validation: ("validation", "val/")
      }
    return DataSetError("\(base): no \(kind) images; expected \(names) in it, but \(listing)")
  }

  private func locateTrain(_ base: String, _ folders: SplitFolders) throws -> LocatedDataSet {
    if folders[.train].count > 1, use != .pretraining {
      throw DataSetError(
        "\(base): expected one folder of train images, but it has "
          + folders[.train].map { FileName.printable($0) + "/" }.joined(separator: ", ") + ": name the one to take")
    }
    var besides = PassedOver()
    for name in folders.others {
      besides.note("folder beside \(folders[.train].first ?? "")/", FileName.printable(name) + "/")
    }
    if let found = try openParts(folders[.train], in: base, split: .train, besides) { return found }
    let excluded = Set(folders.measured)
    if !excluded.isEmpty {
      let exclusion = FolderWalk.Exclusion(atTop: excluded, split: .train)
      let walk = try FolderWalk(base, without: exclusion, takesArchives: true)
      guard !walk.images.isEmpty || !walk.deepImages.isEmpty || !walk.archives.isEmpty else {
        throw missing(.train, in: base, folders)
      }
    }
    return LocatedDataSet(try openFolder(base, split: .train, without: excluded), at: base)
  }

  /// Opens folders that are one part together; nil without any.
  private func openParts(
    _ names: [String], in base: String, split: DataSetSplit, _ besides: PassedOver = PassedOver()
  ) throws -> LocatedDataSet? {
    let paths = try names.map { try Self.unwrapped(base + "/" + $0, split) }
    guard let first = paths.first else { return nil }
    let parts = try paths.map { try openFolder($0, split: split) }
    if parts.count == 1, besides.isEmpty { return LocatedDataSet(parts[0], at: first) }
    return LocatedDataSet(JoinedDataSet(parts, passingOver: besides), at: paths.joined(separator: ", "))
  }

  /// A folder, or the only one in it if that has the same meaning: `seg_train/seg_train`.
  private static func unwrapped(_ path: String, _ split: DataSetSplit) throws -> String {
    let entries = try FileSystem.entries(of: path).filter {
      !LeftBehind.isFolder($0.name) && !LeftBehind.isFile($0.name)
    }
    guard entries.count == 1, entries[0].isFolder, SplitName(entries[0].name)?.split == split else { return path }
    return path + "/" + entries[0].name
  }

  /// What is measured on: the first of some folders; for evaluation the first with labels.
  private func openMeasured(_ names: [String], in base: String, _ split: DataSetSplit) throws -> LocatedDataSet? {
    let root = URL(fileURLWithPath: base, isDirectory: true)
    let trainFolder = try SplitFolders.find(in: base).folders[.train].first
    // Tiny-ImageNet's test images have no labels.
    if trainFolder != nil, let name = names.first(where: { SplitName($0)?.split == .validation }),
      try FileSystem.kind(of: "\(base)/\(name)/val_annotations.txt") == .file
    {
      return try openMeasured(name, in: root, trainFolder)
    }
    var unlabeled: [LocatedDataSet] = []
    for name in names {
      let found = try openMeasured(name, in: root, trainFolder)
      guard use == .evaluation, try !hasLabels(found, like: trainFolder.map { base + "/" + $0 }) else {
        let remark = unlabeled.first.map { "\($0.path) has no labels: \(found.path) is taken" }
        return LocatedDataSet(found.images, at: found.path, remark: remark)
      }
      unlabeled.append(found)
    }
    return unlabeled.first
  }

  private func openMeasured(_ name: String, in root: URL, _ trainFolder: String?) throws -> LocatedDataSet {
    let listed = try openListed(name, in: root) {
      guard let trainFolder else { return [] }
      return try openFolder(root.path + "/" + trainFolder, split: .train).classNames
    }
    if let listed { return listed }
    let split = SplitName(name)?.split ?? .test
    let path = try Self.unwrapped(root.path + "/" + name, split)
    return LocatedDataSet(try openFolder(path, split: split), at: path)
  }

  /// Whether images have labels that say something: a folder around all test images is no class.
  private func hasLabels(_ found: LocatedDataSet, like trainFolder: String?) throws -> Bool {
    let names = found.images.classNames
    guard names.count == 1, let trainFolder else { return !names.isEmpty }
    let trainNames = try FileSystem.entries(of: trainFolder).filter(\.isFolder).map { FileName.printable($0.name) }
    return trainNames.isEmpty || trainNames.contains(names[0])
  }

  /// Parts that lie within the classes: `cat/train/1.jpg` and `cat/test/2.jpg`.
  private func locateWithinClasses(
    _ base: String, _ folders: SplitFolders, _ split: DataSetSplit
  ) throws -> LocatedDataSet? {
    for name in folders.others.prefix(10) {
      let inner = try FileSystem.entries(of: base + "/" + name).filter(\.isFolder).map(\.name)
      guard SplitFolders(of: inner).isDivided else { continue }
      return LocatedDataSet(try openFolder(base, split: split), at: base)
    }
    return nil
  }

  /// Archives that are parts by their names, `train-000.tar` and `val-000.tar`, or in which folders are.
  private func locateArchives(_ base: String, _ split: DataSetSplit) throws -> LocatedDataSet? {
    let names = try FileSystem.entries(of: base).filter { !$0.isFolder && TarArchive.isNamedLikeOne($0.name) }.map(
      \.name)
    let wanted = split == .test ? [DataSetSplit.test, .validation] : [split]
    let found = wanted.lazy.map { split in names.filter { SplitName($0.dropLast(4))?.split == split } }
      .first { !$0.isEmpty }
    guard let found else {
      guard !names.isEmpty else { return nil }
      let all = try ArchivedImages(names.map { base + "/" + $0 }, archiveOptions(split))
      return all.isOfOneSplit ? LocatedDataSet(all, at: base) : nil
    }
    let images = try ArchivedImages(found.map { base + "/" + $0 }, ArchivedImages.Options(imageKey: imageKey))
    return LocatedDataSet(images, at: base)
  }

  /// Images, class folders, or tar archives, in a folder.
  ///
  /// - Parameter excluded: folders in it that are left out.
  func openFolder(
    _ folder: String, split: DataSetSplit, without excluded: Set<String> = []
  ) throws -> any ImageDataSet {
    let exclusion = FolderWalk.Exclusion(atTop: excluded, split: split)
    let walk = try FolderWalk(folder, without: exclusion, takesArchives: true)
    let paths = walk.archives.map { folder + "/" + $0 }
    guard !paths.isEmpty else { return try ImageFolder(walk, takesAnyDepth: use == .pretraining) }
    var besides = PassedOver()
    let own = paths.filter { !isOfAnotherSplit($0, than: split) }
    for path in paths where !own.contains(path) { besides.note("archive of another split", path) }
    guard !own.isEmpty else {
      throw DataSetError(
        "\(folder): no \(split == .train ? "training" : split.rawValue) images; its archives are of another split by their "
          + "names (first: \(walk.archives[0])). Name them themselves to take them")
    }
    let archived = try ArchivedImages(own, archiveOptions(split))
    let hasImages = !walk.images.isEmpty || !walk.deepImages.isEmpty
    if use == .pretraining, hasImages {
      return JoinedDataSet([archived, try ImageFolder(walk, takesAnyDepth: true)], passingOver: besides)
    }
    for name in walk.images + walk.deepImages { besides.note("beside the archives", FileName.printable(name)) }
    besides.add(walk.passedOver)
    return besides.isEmpty ? archived : JoinedDataSet([archived], passingOver: besides)
  }

  private func isOfAnotherSplit(_ path: String, than split: DataSetSplit) -> Bool {
    guard split == .train, let name = path.split(separator: "/").last,
      let found = SplitName(name.dropLast(4))?.split
    else { return false }
    return found == .test || found == .validation
  }
}
