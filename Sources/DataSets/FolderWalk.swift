import Foundation
import Images

/// All that lies in a folder and below it: images, tar archives, and what is passed over.
///
/// What systems leave is not entered, and links that lead back to where one came from end there.
struct FolderWalk {
  /// Which folders are not entered.
  struct Exclusion {
    /// Of the folders of the root, by their names.
    var atTop: Set<String> = []
    /// Where the folders within a folder are parts of a data set, those of another split than this are left out; nil
    /// enters all.
    var split: DataSetSplit?
  }

  let root: String
  /// Images right in the root, in byte order of their names.
  private(set) var images: [String] = []
  /// The folders of the root that were entered, and the images anywhere below each, by the paths from the root.
  private(set) var folders: [(name: String, images: [String])] = []
  /// Tar archives, by the paths from the root.
  private(set) var archives: [String] = []
  private(set) var passedOver = PassedOver()
  private let exclusion: Exclusion
  private let takesArchives: Bool

  /// - Parameter takesArchives: whether tar archives are looked for, or files like others.
  /// - Throws: `DataSetError` when the folder is missing, or one may not be read.
  init(_ root: String, without exclusion: Exclusion = Exclusion(), takesArchives: Bool = false) throws {
    (self.root, self.exclusion, self.takesArchives) = (root, exclusion, takesArchives)
    switch try FileSystem.kind(of: root) {
    case .folder: break
    case .missing: throw DataSetError("\(root): no such folder; expected a folder of images")
    case .file: throw DataSetError("\(root) is a file; expected a folder of images")
    }
    let (flat, entered) = try contents(of: "")
    images = flat
    for folder in entered {
      var found: [String] = []
      try visit(folder, ancestors: [], found: &found)
      found.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      folders.append((folder, found))
    }
    archives.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Images below the root, those right in it not counted.
  var deepImages: [String] { folders.flatMap(\.images) }

  /// What to do about a folder without images.
  var advice: String {
    let others = passedOver.kinds.filter { $0.kind.hasPrefix(".") }
    guard let other = others.first?.kind else {
      return "expected image files (\(ImageKind.names)), directly or in one folder a class"
    }
    let remedy =
      switch other {
      case ".tar": "name the archives themselves"
      case ".gz", ".tgz", ".xz", ".txz", ".bz2", ".zst", ".lz4": "decompress them first"
      case ".zip", ".rar", ".7z": "unpack them first"
      case ".parquet", ".arrow", ".lmdb", ".mdb", ".mds", ".tfrecord", ".h5", ".hdf5", ".npy", ".npz", ".pkl":
        "unpack them to image files or tar archives"
      case ".dcm", ".dicom": "convert them to 16-bit PNG with DCMTK's dcm2img"
      default: "convert them first"
      }
    return "it has \(other) files, but only images (\(ImageKind.names)) and .tar archives are read: \(remedy)"
  }

  /// Images and folders right in a folder, by the paths from the root.
  private mutating func contents(of folder: String) throws -> (images: [String], folders: [String]) {
    let base = folder.isEmpty ? "" : folder + "/"
    let entries = try FileSystem.entries(of: root + "/" + folder, withHidden: true)
    let excluded = excludedFolders(among: entries, isTop: folder.isEmpty)
    var (images, folders): ([String], [String]) = ([], [])
    for entry in entries {
      let path = base + entry.name
      if entry.isFolder {
        if LeftBehind.isFolder(entry.name) {
          passedOver.note(LeftBehind.kind, FileName.printable(path))
        } else if excluded.contains(entry.name) {
          passedOver.note("of another split", FileName.printable(path) + "/")
        } else {
          folders.append(path)
        }
      } else if takesArchives, TarArchive.isNamedLikeOne(entry.name), !LeftBehind.isFile(entry.name) {
        archives.append(path)
      } else if isImage(entry.name, at: root + "/" + path) {
        images.append(path)
      } else {
        passedOver.noteFile(FileName.printable(path))
      }
    }
    return (images, folders)
  }

  private func excludedFolders(among entries: [FileSystem.Entry], isTop: Bool) -> Set<String> {
    if isTop, !exclusion.atTop.isEmpty { return exclusion.atTop }
    guard let split = exclusion.split else { return [] }
    let names = entries.filter { $0.isFolder && !LeftBehind.isFolder($0.name) }.map(\.name)
    return Set(SplitFolders(of: names).strangers(to: split))
  }

  private func isImage(_ name: String, at path: String) -> Bool {
    guard !LeftBehind.isFile(name) else { return false }
    return ImageCodec.recognizes(name: name) || ImageCodec.recognizes(contentsOf: path)
  }

  private mutating func visit(_ folder: String, ancestors: [[UInt64]], found: inout [String]) throws {
    let identity = FileSystem.identity(of: root + "/" + folder)
    if ancestors.contains(identity) { return }
    let (images, folders) = try contents(of: folder)
    found += images
    for folder in folders { try visit(folder, ancestors: ancestors + [identity], found: &found) }
  }
}
