import DataSets
import Synchronization

/// Counts the images of a data set that cannot be read, and draws the line: a few are skipped, many stop the run.
///
/// A large data set usually has a handful of broken files, and training does as well without them. More than 1 %, unless
/// said otherwise, and more than one, means that something else is wrong (a broken disk, an interrupted copy, the wrong
/// folder), and training on what is left would go unnoticed. Safe to use from many threads.
public final class BadImageTally: Sendable {
  private struct State {
    var indices: Set<Int> = []
    var first: String?
  }

  private let dataSetCount: Int
  private let limit: BadImageLimit
  private let onBadImage: @Sendable (String) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - dataSetCount: images in the data set, against which the limit is measured.
  ///   - onBadImage: called once for every bad image, on the thread that met it, with one line that names it and
  ///     says what is wrong.
  public init(
    dataSetCount: Int, limit: BadImageLimit = BadImageLimit(),
    onBadImage: @escaping @Sendable (String) -> Void
  ) {
    self.dataSetCount = dataSetCount
    self.limit = limit
    self.onBadImage = onBadImage
  }

  /// Distinct images found bad so far.
  public var count: Int { state.withLock { $0.indices.count } }

  /// Notes that the image at `index` cannot be read, for a reason that names it. Noting it again changes nothing.
  ///
  /// - Throws: `LoadingError` when more of the data set is bad than the limit says.
  public func record(_ error: any Error, index: Int) throws {
    let reason = "\(error)"
    let (isNew, count, first) = state.withLock { state in
      let isNew = state.indices.insert(index).inserted
      if state.first == nil { state.first = reason }
      return (isNew, state.indices.count, state.first ?? "")
    }
    if isNew { onBadImage(reason) }
    if count > limit.count(of: dataSetCount) {
      let percent =
        limit.percent == limit.percent.rounded() ? "\(Int(limit.percent))" : "\(limit.percent)"
      let remedy = limit.settingName.map { ", check that this is the right folder, or raise \($0)" }
      throw LoadingError(
        "more than \(percent) % of the images cannot be read (\(count) of \(dataSetCount), first: \(first)); "
          + "repair or remove them" + (remedy ?? ", or check that this is the right folder"))
    }
  }
}
