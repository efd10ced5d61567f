/// Lines that name images of a data set, each by its path or by the end of it.
struct ImageList {
  private let lines: [String]
  private let name: String
  /// The lines by their last parts, with and without an extension.
  private let byLastPart: [Substring: [Int]]

  /// - Parameter name: what messages call the list.
  init(_ lines: [String], name: String) {
    var seen: Set<String> = []
    let lines = lines.map(Self.plain).filter { seen.insert($0).inserted }
    (self.lines, self.name) = (lines, name)
    byLastPart = Dictionary(grouping: lines.indices) { Self.lastPart(lines[$0]) }
  }

  /// Windows' way to write a path, and a beginning that says nothing. A backslash also writes bytes that are no text.
  private static func plain(_ line: String) -> String {
    let isWindows = !line.contains("/") && !line.contains(/\\x[0-9A-F]{2}/)
    var line = isWindows ? line.replacing("\\", with: "/") : line
    while line.hasPrefix("./") { line.removeFirst(2) }
    return line
  }

  private static func lastPart(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }

  private static func withoutExtension(_ name: Substring) -> Substring? {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
    return name[..<dot]
  }

  /// What fits a line, and how well.
  private struct Match {
    var index: Int
    var rank: Int
    /// Another image that fits as well.
    var rival: Int?
  }

  /// The images that the lines name, in order.
  ///
  /// - Throws: `DataSetError` naming the first line that fits none or several.
  func indices(in images: any ImageDataSet) throws -> [Int] {
    var matches = [Match?](repeating: nil, count: lines.count)
    for index in images.indices {
      let name = images.name(at: index)
      let last = Self.lastPart(name)
      for part in [last, Self.withoutExtension(last)] {
        guard let part, let places = byLastPart[part] else { continue }
        for place in places {
          guard let rank = rank(of: index, named: name, for: lines[place], in: images) else { continue }
          if let best = matches[place], best.rank >= rank {
            if best.rank == rank, best.rival == nil { matches[place]!.rival = index }
          } else {
            matches[place] = Match(index: index, rank: rank)
          }
        }
      }
    }
    let missing = matches.indices.filter { matches[$0] == nil }
    if let first = missing.first {
      throw DataSetError(
        "\(name): \(missing.count) of \(lines.count) images are not in the data set (first: \(lines[first]))")
    }
    if let place = matches.firstIndex(where: { $0!.rival != nil }) {
      let match = matches[place]!
      throw DataSetError(
        "\(name): '\(lines[place])' fits several images (\(images.name(at: match.index)), \(images.name(at: match.rival!)), …): "
          + "write more of the path")
    }
    return Set(matches.map { $0!.index }).sorted()
  }

  /// How well an image fits a line: its whole key beats the end of its name, an extension beats none; nil when it does not.
  private func rank(of index: Int, named name: String, for line: String, in images: any ImageDataSet) -> Int? {
    let key = images.key(at: index)
    if line == key || line == name { return 3 }
    if ends(name, with: line) { return 2 }
    func stem(_ text: String) -> String? { Self.withoutExtension(text[...]).map(String.init) }
    guard let shortName = stem(name), let shortKey = stem(key) else { return nil }
    if line == shortKey || line == shortName { return 1 }
    return ends(shortName, with: line) ? 0 : nil
  }

  private func ends(_ name: String, with line: String) -> Bool {
    name == line || (line.hasPrefix("/") ? false : name.hasSuffix("/" + line))
  }
}
