import Augmentation
import DataSets
import Foundation
import Images
import Loading
import TestSupport
import Testing
import Torch

/// Images made on the spot: one of a color for each index, with chosen ones unreadable or slow.
private struct SyntheticDataSet: ImageDataSet {
  let layout = "made on the spot"
  let count: Int
  var classNames: [String] = ["even", "odd"]
  var bad: Set<Int> = []
  var slow: [Int: useconds_t] = [:]
  var reads = Box<[Int]>([])

  func label(at index: Int) -> Int? { classNames.isEmpty ? nil : index % 2 }

  func name(at index: Int) -> String { "image \(index)" }

  func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    reads.update { $0.append(index) }
    if let pause = slow[index] { usleep(pause) }
    if bad.contains(index) { throw LoadingError("\(name(at: index)): broken") }
    _ = buffer.resize(to: 10 * 10 * 3).update(
      fromContentsOf: (0..<10 * 10 * 3).map { UInt8((index * 7 + $0 * 13) % 256) })
    return .pixels(width: 10, height: 10)
  }
}

private func augmenter(seed: UInt64 = 1) -> ViewAugmenter {
  var configuration = AugmentationConfiguration()
  configuration.imageSize = 8
  return ViewAugmenter(configuration, seed: seed)
}

/// Threads of this process, as the kernel counts them.
private func threadCount() throws -> Int {
  try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
}

/// Whether this process comes to have that many threads: the kernel still lists a thread for a moment after it was joined.
private func comesToHaveThreads(_ count: Int) throws -> Bool {
  for _ in 0..<200 {
    if try threadCount() == count { return true }
    usleep(10_000)
  }
  return false
}

extension ViewBatches {
  fileprivate func all() throws -> [ViewBatch] {
    var batches: [ViewBatch] = []
    while let batch = try next() { batches.append(batch) }
    return batches
  }
}

@Suite("View loader", .serialized)
struct ViewLoaderTests {
  private func loader(
    _ dataSet: SyntheticDataSet, batch: Int = 16, threads: Int = 2, batchesAhead: Int = 2, seed: UInt64 = 1,
    rank: Int = 0, worldSize: Int = 1, onBadImage: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> ViewLoader {
    var options = ViewLoader.Options(threads: threads)
    options.batchesAhead = batchesAhead
    return ViewLoader(
      dataSet: dataSet, augmenter: augmenter(seed: seed),
      sampler: try EpochSampler(
        count: dataSet.count, globalBatchSize: batch, seed: seed, rank: rank, worldSize: worldSize),
      options: options, onBadImage: onBadImage)
  }

  @Test("batches hold the two views of the sampler's images, in order")
  func holdsViews() throws {
    let dataSet = SyntheticDataSet(count: 50)
    let batches = try loader(dataSet).epoch(3).all()
    let sampler = try EpochSampler(count: 50, globalBatchSize: 16, seed: 1)
    #expect(batches.map(\.sampleIndices) == (0..<3).map { sampler.indices(epoch: 3, batch: $0) })
    let batch = batches[1]
    #expect(batch.first.shape == [16, 3, 8, 8] && batch.second.shape == [16, 3, 8, 8])
    let views = [batch.first.array(of: Float.self), batch.second.array(of: Float.self)]
    for (place, sample) in batch.sampleIndices.enumerated() {
      for view in 0..<2 {
        let image = augmenter().view(of: try dataSet.image(at: sample), epoch: 3, sample: sample, view: view)
        var expected = [Float](repeating: 0, count: 192)
        expected.withUnsafeMutableBufferPointer { augmenter().write(normalized: image, to: $0) }
        #expect(Array(views[view][place * 192..<(place + 1) * 192]) == expected)
      }
    }
  }

  @Test("with local views, a batch holds every view in its own size")
  func holdsLocalViews() throws {
    let dataSet = SyntheticDataSet(count: 20)
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 8
    configuration.localViews.count = 2
    configuration.localViews.imageSize = 5
    let augmenter = ViewAugmenter(configuration, seed: 1)
    let loader = ViewLoader(
      dataSet: dataSet, augmenter: augmenter, sampler: try EpochSampler(count: 20, globalBatchSize: 4, seed: 1),
      options: .init(threads: 3))
    let batch = try #require(try loader.epoch(0).next())
    #expect(batch.views.map(\.shape) == [[4, 3, 8, 8], [4, 3, 8, 8], [4, 3, 5, 5], [4, 3, 5, 5]])
    for (number, view) in batch.views.enumerated() {
      let values = view.array(of: Float.self)
      let count = values.count / 4
      for (place, sample) in batch.sampleIndices.enumerated() {
        let image = augmenter.view(of: try dataSet.image(at: sample), epoch: 0, sample: sample, view: number)
        var expected = [Float](repeating: 0, count: count)
        expected.withUnsafeMutableBufferPointer { augmenter.write(normalized: image, to: $0) }
        #expect(Array(values[place * count..<(place + 1) * count]) == expected)
      }
    }
  }

  @Test("asked for bytes, a batch holds the crops and the parameters that its views are made from")
  func holdsCrops() throws {
    let dataSet = SyntheticDataSet(count: 40, bad: [7])
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 24
    configuration.solarizeProbability = 0.5
    configuration.localViews.count = 1
    configuration.localViews.imageSize = 21
    let augmenter = ViewAugmenter(configuration, seed: 4)
    func batch(_ dtype: DType) throws -> ViewBatch {
      var options = ViewLoader.Options(threads: 3)
      options.dtype = dtype
      let sampler = try EpochSampler(count: 100, globalBatchSize: 30, seed: 4)
      let loader = ViewLoader(
        dataSet: SyntheticDataSet(count: 100, bad: [7]), augmenter: augmenter, sampler: sampler, options: options)
      return try #require(try loader.epoch(2).next())
    }
    let (crops, views) = (try batch(.uint8), try batch(.float32))
    #expect(crops.sampleIndices == views.sampleIndices && views.parameters.isEmpty)
    #expect(crops.views.map(\.shape) == [[30, 3, 24, 24], [30, 3, 24, 24], [30, 3, 21, 21]])
    let wanted = try EpochSampler(count: 100, globalBatchSize: 30, seed: 4).indices(epoch: 2, batch: 0)
    for view in 0..<3 {
      let parameters = wanted.map { augmenter.parameters(width: 10, height: 10, epoch: 2, sample: $0, view: view) }
      #expect(crops.parameters[view] == parameters)
      let images = try zip(crops.sampleIndices, parameters).map {
        augmenter.crop($1, of: try dataSet.image(at: $0), view: view)
      }
      #expect(crops.views[view].isIdentical(to: Tensor.levels(of: images)))
      let augmented = BatchAugmenter(augmenter.views[view], device: .cpu)(crops.views[view], parameters)
      // A level is 1 / 255, divided by a standard deviation of 0.224 or more.
      let difference = (augmented - views.views[view]).abs()
      #expect(difference.max().item() < 2.01 / 255 / 0.224)
      #expect(difference.greater(than: 1e-5).to(.float32).mean().item() < 1e-3)
    }
  }

  @Test("any number of threads and batches ahead gives the same bits", arguments: [(2, 1), (4, 3), (7, 5)])
  func sameAtAnyThreadCount(threads: Int, batchesAhead: Int) throws {
    let dataSet = SyntheticDataSet(count: 200, bad: [17, 18], slow: [3: 20_000, 90: 5_000])
    let one = try loader(dataSet, threads: 1, batchesAhead: 1).epochs(0..<2).all()
    let many = try loader(dataSet, threads: threads, batchesAhead: batchesAhead).epochs(0..<2).all()
    #expect(one.count == 24 && many.count == 24)
    for (left, right) in zip(one, many) {
      #expect(left.sampleIndices == right.sampleIndices)
      #expect(left.first.isIdentical(to: right.first) && left.second.isIdentical(to: right.second))
    }
  }

  @Test("the ranks' batches make up the batch of one process")
  func sameAtAnyWorldSize() throws {
    let dataSet = SyntheticDataSet(count: 70)
    let whole = try loader(dataSet).epoch(1).all()
    let parts = try (0..<4).map { try loader(dataSet, rank: $0, worldSize: 4).epoch(1).all() }
    for (number, batch) in whole.enumerated() {
      #expect(batch.sampleIndices == parts.flatMap { $0[number].sampleIndices })
      #expect(batch.first.array(of: Float.self) == parts.flatMap { $0[number].first.array(of: Float.self) })
    }
  }

  @Test("starts at any batch, with what an uninterrupted epoch has there")
  func startsMidEpoch() throws {
    let dataSet = SyntheticDataSet(count: 100)
    let loader = try loader(dataSet)
    let whole = try loader.epoch(2).all()
    let rest = try loader.epoch(2, startingAtBatch: 4).all()
    #expect(whole.count == 6 && rest.count == 2)
    #expect(rest[0].first.isIdentical(to: whole[4].first) && rest[1].second.isIdentical(to: whole[5].second))
    #expect(try loader.epoch(2, startingAtBatch: 6).next() == nil)
  }

  @Test("an unreadable image is replaced by the next readable one, and named once")
  func replacesBadImages() throws {
    let dataSet = SyntheticDataSet(count: 300, bad: [5, 6, 299])
    let names = Box<[String]>([])
    let loader = try loader(dataSet, batch: 100) { name in names.update { $0.append(name) } }
    let order = try EpochSampler(count: 300, globalBatchSize: 100, seed: 1).permutation(epoch: 0)
    let shown = try loader.epoch(0).all().flatMap(\.sampleIndices)
    #expect(shown == order.map { [5: 7, 6: 7, 299: 0][$0] ?? $0 })
    _ = try loader.epoch(1).all()
    #expect(names.value.sorted() == ["image 299: broken", "image 5: broken", "image 6: broken"])
    #expect(loader.badImageCount == 3)
  }

  @Test("more than 1 % unreadable images stop the epoch")
  func stopsAtTooManyBadImages() throws {
    let dataSet = SyntheticDataSet(count: 200, bad: [10, 11, 12])
    let before = try threadCount()
    let batches = try loader(dataSet, batch: 200, threads: 4).epoch(0)
    let text = message { _ = try batches.next() }
    #expect(text.hasPrefix("more than 1 % of the images cannot be read (3 of 200, first: image 1"))
    #expect(text.hasSuffix(": broken); repair or remove them, or check that this is the right folder"))
    #expect(try comesToHaveThreads(before))
  }

  @Test("holds no more batches than allowed, however slow the consumer is")
  func boundsMemory() throws {
    let dataSet = SyntheticDataSet(count: 400)
    let batches = try loader(dataSet, batch: 10, threads: 3, batchesAhead: 2).epoch(0)
    usleep(200_000)
    #expect(dataSet.reads.value.count == 20)
    _ = try batches.next()
    usleep(200_000)
    #expect(dataSet.reads.value.count == 30)
  }

  @Test("one slow image does not stop the other threads")
  func slowImage() throws {
    let order = try EpochSampler(count: 100, globalBatchSize: 10, seed: 1).permutation(epoch: 0)
    let dataSet = SyntheticDataSet(count: 100, slow: [order[0]: 400_000])
    let batches = try loader(dataSet, batch: 10, threads: 2, batchesAhead: 4).epoch(0)
    usleep(200_000)
    #expect(dataSet.reads.value.count == 40)
    #expect(try batches.all().count == 10)
  }

  @Test("views for which there is no memory are an error")
  func noMemory() throws {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 10_000_000
    let loader = ViewLoader(
      dataSet: SyntheticDataSet(count: 20), augmenter: ViewAugmenter(configuration, seed: 1),
      sampler: try EpochSampler(count: 20, globalBatchSize: 4, seed: 1), options: .init(threads: 2))
    let text = #expect(throws: LoadingError.self) { try loader.epoch(0).next() }?.description ?? ""
    #expect(text.hasPrefix("no memory for the views of a batch (4577636718 MiB each): use a smaller "), "\(text)")
  }

  @Test("canceling, finishing and letting go leave no thread running")
  func leavesNoThread() throws {
    let before = try threadCount()
    let loader = try loader(SyntheticDataSet(count: 2000), threads: 5)
    let canceled = loader.epoch(0)
    _ = try canceled.next()
    #expect(try comesToHaveThreads(before + 5))
    canceled.cancel()
    #expect(try comesToHaveThreads(before))
    canceled.cancel()
    #expect(try canceled.next() == nil)

    var dropped: ViewBatches? = loader.epoch(0)
    _ = try dropped?.next()
    dropped = nil
    #expect(try comesToHaveThreads(before))

    #expect(try loader.epoch(0).all().count == 125)
    #expect(try comesToHaveThreads(before))
  }

  @Test("a batch that is not complete is not waited for, one that is comes in its turn")
  func nextIfComplete() throws {
    var dataSet = SyntheticDataSet(count: 32)
    let first = try loader(dataSet).epoch(0).next()!.sampleIndices[0]
    dataSet.slow = [first: 200_000]
    let batches = try loader(dataSet).epoch(0)
    #expect(batches.nextIfComplete() == nil)
    var seen = [try #require(try batches.next()).sampleIndices]
    while seen.count < 2 { if let batch = batches.nextIfComplete() { seen.append(batch.sampleIndices) } }
    let all = try loader(SyntheticDataSet(count: 32)).epoch(0).all()
    #expect(seen == all.map(\.sampleIndices))
    #expect(batches.nextIfComplete() == nil)
    #expect(try batches.next() == nil)
  }

  @Test("canceling wakes a consumer that waits")
  func cancelWakesConsumer() throws {
    let dataSet = SyntheticDataSet(count: 10, slow: Dictionary(uniqueKeysWithValues: (0..<10).map { ($0, 50_000) }))
    let batches = try loader(dataSet, batch: 10, threads: 1).epoch(0)
    let ended = Box(false)
    let thread = Thread {
      _ = try? batches.next()
      ended.update { $0 = true }
    }
    thread.start()
    usleep(20_000)
    batches.cancel()
    usleep(100_000)
    #expect(ended.value)
  }

  @Test("a data set of one image can be a batch of one")
  func oneImage() throws {
    let batches = try loader(SyntheticDataSet(count: 1), batch: 1).epoch(0).all()
    #expect(batches.map(\.sampleIndices) == [[0]])
    #expect(batches[0].first.shape == [1, 3, 8, 8])
  }

  @Test("the memory of batches is given back with their tensors")
  func givesMemoryBack() throws {
    let before = TorchRuntime.liveTensorCount
    let loader = try loader(SyntheticDataSet(count: 100))
    for epoch in 0..<3 { _ = try loader.epoch(epoch).all() }
    #expect(TorchRuntime.liveTensorCount == before)
  }
}

@Suite("Labeled loader", .serialized)
struct LabeledLoaderTests {
  private func loader(_ dataSet: SyntheticDataSet, batch: Int, threads: Int = 3) -> LabeledLoader {
    LabeledLoader(
      dataSet: dataSet, transform: EvaluationTransform(augmenter().configuration), batchSize: batch, threads: threads)
  }

  private func all(_ batches: LabeledBatches) throws -> [LabeledBatch] {
    var found: [LabeledBatch] = []
    while let batch = try batches.next() { found.append(batch) }
    return found
  }

  @Test("goes through the data set in order, with a ragged last batch")
  func inOrder() throws {
    let dataSet = SyntheticDataSet(count: 25)
    let batches = try all(loader(dataSet, batch: 10).batches())
    #expect(batches.map(\.sampleIndices) == [Array(0..<10), Array(10..<20), Array(20..<25)])
    #expect(batches[2].images.shape == [5, 3, 8, 8] && batches[2].labels == [0, 1, 0, 1, 0])
    let transform = EvaluationTransform(augmenter().configuration)
    var expected = [Float](repeating: 0, count: 192)
    let image = transform(try dataSet.image(at: 23))
    expected.withUnsafeMutableBufferPointer { transform.write(normalized: image, to: $0) }
    #expect(Array(batches[2].images.array(of: Float.self)[3 * 192..<4 * 192]) == expected)
  }

  @Test("leaves unreadable images out, with their labels")
  func leavesBadImagesOut() throws {
    let good = SyntheticDataSet(count: 300)
    let loader = loader(SyntheticDataSet(count: 300, bad: [100, 103, 299]), batch: 1)
    let batches = try all(loader.batches())
    #expect(batches.flatMap(\.sampleIndices) == (0..<299).filter { $0 != 100 && $0 != 103 })
    #expect(loader.badImageCount == 3)

    let wide = try all(self.loader(SyntheticDataSet(count: 300, bad: [1, 2]), batch: 8).batches())[0]
    let whole = try all(self.loader(good, batch: 8).batches())[0].images.array(of: Float.self)
    #expect(wide.sampleIndices == [0, 3, 4, 5, 6, 7] && wide.labels == [0, 1, 0, 1, 0, 1])
    #expect(wide.images.array(of: Float.self) == Array(whole[..<192] + whole[(3 * 192)...]))
  }

  @Test("labels are empty where the data set has none")
  func unlabeled() throws {
    let batches = try all(loader(SyntheticDataSet(count: 3, classNames: []), batch: 2).batches())
    #expect(batches.map(\.labels) == [[], []] && batches.map(\.sampleIndices) == [[0, 1], [2]])
  }
}

@Suite("Bad images")
struct BadImageTallyTests {
  @Test("counts and names an image once")
  func countsOnce() throws {
    let names = Box<[String]>([])
    let tally = BadImageTally(dataSetCount: 500) { name in names.update { $0.append(name) } }
    for index in [3, 3, 4, 3] { try tally.record(LoadingError("\(index).jpg: why"), index: index) }
    #expect(tally.count == 2)
    #expect(names.value == ["3.jpg: why", "4.jpg: why"])
  }

  @Test("exactly 1 % is borne, one more is not")
  func onePercent() throws {
    let tally = BadImageTally(dataSetCount: 500) { _ in }
    for index in 0..<5 { try tally.record(LoadingError("\(index).jpg: why"), index: index) }
    #expect(
      message { try tally.record(LoadingError("9.jpg: why"), index: 9) }
        == "more than 1 % of the images cannot be read (6 of 500, first: 0.jpg: why); repair or remove them, or check "
        + "that this is the right folder")
  }

  @Test(
    "one bad image is borne in the smallest data set, and another limit is named with its setting")
  func oneAlways() throws {
    let small = BadImageTally(dataSetCount: 2) { _ in }
    try small.record(LoadingError("0.jpg: why"), index: 0)
    #expect(
      message { try small.record(LoadingError("1.jpg: why"), index: 1) }.hasPrefix(
        "more than 1 % of the images"))
    let none = BadImageTally(dataSetCount: 1000, limit: BadImageLimit(percent: 0)) { _ in }
    try none.record(LoadingError("0.jpg: why"), index: 0)
    #expect(
      message { try none.record(LoadingError("1.jpg: why"), index: 1) }.hasPrefix(
        "more than 0 % of the images"))
    let half = BadImageTally(
      dataSetCount: 10, limit: BadImageLimit(percent: 32.5, settingName: "the.key")
    ) { _ in }
    for index in 0..<3 { try half.record(LoadingError("\(index).jpg: why"), index: index) }
    #expect(
      message { try half.record(LoadingError("3.jpg: why"), index: 3) }
        == "more than 32.5 % of the images cannot be read (4 of 10, first: 0.jpg: why); repair or remove them, check that "
        + "this is the right folder, or raise the.key")
  }
}
