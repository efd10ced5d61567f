import Images

/// The images of several data sets, one after another. They have labels where all of them have, joined by the names of
/// the classes.
public struct JoinedDataSet: ImageDataSet {
  public let layout: String
  public let classNames: [String]
  public let passedOver: PassedOver
  private let parts: [any ImageDataSet]
  /// Where each part begins, and the end.
  private let starts: [Int]
  /// The label here of each part's labels.
  private let labels: [[Int]]

  public init(_ first: any ImageDataSet, _ second: any ImageDataSet) { self.init([first, second]) }

  /// - Parameter parts: at least one.
  public init(_ parts: [any ImageDataSet]) { self.init(parts, passingOver: PassedOver()) }

  /// - Parameter others: what lies beside them and is not used.
  init(_ parts: [any ImageDataSet], passingOver others: PassedOver) {
    precondition(!parts.isEmpty, "JoinedDataSet: expected at least one data set")
    self.parts = parts
    starts = parts.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    let layouts = parts.map(\.layout)
    layout = layouts.allSatisfy { $0 == layouts[0] } ? layouts[0] : "several: " + layouts.joined(separator: "; ")
    passedOver = parts.reduce(into: others) { $0.add($1.passedOver) }
    if parts.count == 1 {
      classNames = parts[0].classNames
      labels = [Array(classNames.indices)]
    } else if parts.allSatisfy({ !$0.classNames.isEmpty }) {
      let names = Set(parts.flatMap(\.classNames)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
      labels = parts.map { $0.classNames.map { places[$0]! } }
      classNames = names
    } else {
      (classNames, labels) = ([], [])
    }
  }

  public var count: Int { starts.last! }

  public func label(at index: Int) -> Int? {
    guard !classNames.isEmpty else { return nil }
    let (part, place) = place(of: index)
    return parts[part].label(at: place).map { labels[part][$0] }
  }

  public func name(at index: Int) -> String {
    let (part, place) = place(of: index)
    return parts[part].name(at: place)
  }

  public func key(at index: Int) -> String {
    let (part, place) = place(of: index)
    return parts.count == 1 ? parts[part].key(at: place) : parts[part].name(at: place)
  }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    let (part, place) = place(of: index)
    return try parts[part].read(at: place, into: buffer)
  }

  /// Which part an image belongs to, and its index there.
  private func place(of index: Int) -> (part: Int, place: Int) {
    var (low, high) = (0, parts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return (low, index - starts[low])
  }
}
