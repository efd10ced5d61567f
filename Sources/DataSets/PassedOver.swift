/// What lies among the images of a data set and is not used: how much of each kind, and what the first is called.
public struct PassedOver: Codable, Sendable, Equatable {
  /// What is passed over for one reason.
  public struct Kind: Codable, Sendable, Equatable {
    /// An extension, or words for people: `.txt`, `left by the system`.
    public let kind: String
    public fileprivate(set) var count: Int
    public let first: String

    /// `12 .txt (first: star/notes.txt)`
    public var text: String { "\(count) \(kind) (\(count > 1 ? "first: " : "")\(first))" }
  }

  /// In the order in which they were met.
  public private(set) var kinds: [Kind] = []

  /// Nothing.
  public init() {}

  public var isEmpty: Bool { kinds.isEmpty }

  /// All of them in a line: `12 .txt (first: star/notes.txt), 1 left by the system (@eaDir)`.
  public var text: String { kinds.map(\.text).joined(separator: ", ") }

  mutating func note(_ kind: String, _ name: String, count: Int = 1) {
    if let place = kinds.firstIndex(where: { $0.kind == kind }) {
      kinds[place].count += count
    } else {
      kinds.append(Kind(kind: kind, count: count, first: name))
    }
  }

  mutating func add(_ other: PassedOver) {
    for kind in other.kinds { note(kind.kind, kind.first, count: kind.count) }
  }

  /// Notes a file that is no image, by what its name says that it is.
  mutating func noteFile(_ name: String) {
    let file = name.split(separator: "/").last ?? ""
    let dot = file.lastIndex(of: ".")
    if LeftBehind.isFile(file) {
      note(LeftBehind.kind, name)
    } else if let dot, dot != file.startIndex, file.index(after: dot) != file.endIndex {
      note(".\(file[file.index(after: dot)...].lowercased())", name)
    } else {
      note("without an extension", name)
    }
  }
}

/// What systems, cameras, servers and programs leave in folders, which nobody means as data.
enum LeftBehind {
  static let kind = "left by the system"

  private static let folders: Set<String> = [
    "__macosx", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "lost+found",
    "$recycle.bin",
    "system volume information", "recycler", "network trash folder", "temporary items", "__pycache__", "found.000",
  ]
  private static let files: Set<String> = [
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "picasa.ini", "zbthumbnail.info",
  ]

  /// Names that begin with a dot are hidden, which is how most programs leave something.
  static func isFolder(_ name: some StringProtocol) -> Bool {
    name.hasPrefix(".") || folders.contains(name.lowercased())
  }

  static func isFile(_ name: some StringProtocol) -> Bool {
    name.hasPrefix(".") || files.contains(name.lowercased())
  }
}
