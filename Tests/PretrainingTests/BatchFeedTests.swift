import Loading
import Pretraining
import Testing
import Torch

@Suite struct BatchFeedTests {
  /// Copies tensors, and notes what it is asked for.
  private final class Uploader: BatchUploading {
    private(set) var log: [String] = []
    private var copies: [Tensor] = []

    func begin(_ tensors: [Tensor]) {
      log.append("begin \(tensors.map { Int($0.item()) })")
      copies = tensors.map { $0.clone() }
    }

    func finish() -> [Tensor] {
      log.append("finish")
      defer { copies = [] }
      return copies
    }
  }

  private struct Broken: Error {}

  /// A loader of batches that hold their number, twice, of which some are complete.
  private final class Loader {
    var complete = 0
    private let count: Int
    private(set) var taken = 0

    init(count: Int) { self.count = count }

    func next() throws -> ViewBatch? {
      guard taken < count else { return nil }
      taken += 1
      if taken == 4 { throw Broken() }
      let view = Tensor(taken)
      return ViewBatch(views: [view, view], parameters: [], sampleIndices: [taken])
    }

    func nextIfComplete() -> ViewBatch? { taken < complete ? try? next() : nil }
  }

  private func feed(_ loader: Loader, _ uploader: Uploader?) -> BatchFeed {
    BatchFeed(next: loader.next, nextIfComplete: loader.nextIfComplete, uploader: uploader)
  }

  @Test("a batch that is complete is uploaded during the step before, one that is not when it is asked for")
  func ahead() throws {
    let (loader, uploader) = (Loader(count: 3), Uploader())
    let feed = feed(loader, uploader)
    var seen: [[Int]] = []
    func step() throws {
      let batch = try #require(try feed.next())
      seen.append(batch.sampleIndices + batch.views.map { Int($0.item()) })
    }
    try step()
    loader.complete = 2
    feed.prepareNext()
    #expect(uploader.log == ["begin [1, 1]", "finish", "begin [2, 2]"])
    feed.prepareNext()
    try step()
    feed.prepareNext()
    #expect(loader.taken == 2)
    try step()
    #expect(uploader.log.suffix(3) == ["finish", "begin [3, 3]", "finish"])
    #expect(seen == [[1, 1, 1], [2, 2, 2], [3, 3, 3]])
    #expect(try feed.next() == nil)
    feed.prepareNext()
    #expect(uploader.log.count == 6)
  }

  @Test("without an uploader nothing is taken ahead, and batches are the loader's")
  func withoutUploader() throws {
    let loader = Loader(count: 2)
    loader.complete = 2
    let feed = feed(loader, nil)
    feed.prepareNext()
    #expect(loader.taken == 0)
    #expect(try feed.next()?.sampleIndices == [1])
  }

  @Test("what goes wrong while loading is thrown where the batch is asked for")
  func failure() throws {
    let loader = Loader(count: 4)
    let feed = feed(loader, Uploader())
    for _ in 0..<3 { _ = try feed.next() }
    #expect(throws: Broken.self) { try feed.next() }
  }
}
