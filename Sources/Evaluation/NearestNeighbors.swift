import Torch

/// Classification by the nearest neighbors among the train images (Wu et al. 2018, section 3.4): each of the `k` most
/// similar votes for its class with exp(cosine similarity / `temperature`).
///
/// It has nothing to train and nothing to tune, so that its accuracy speaks of the features alone.
public struct NearestNeighbors: Codable, Sendable, Equatable {
  /// How many neighbors vote, at least 1; all of them where there are fewer.
  public var k: Int
  /// Above 0; the smaller, the more the nearest count.
  public var temperature: Double

  public init(k: Int = 20, temperature: Double = 0.1) {
    self.k = k
    self.temperature = temperature
  }

  /// Similarities held at a time: 64 MiB of float32.
  private static let blockElements = 1 << 24

  /// Classifies the test images by the train images.
  ///
  /// Cosine similarities are computed in blocks of test images, so that beside a normalized copy of the features the
  /// memory taken does not grow with their number. Five classes or fewer give a top-5 of 100.
  ///
  /// - Parameters:
  ///   - train: `[N, D]` with labels of at least two classes.
  ///   - test: `[M, D]` with labels of the same classes.
  ///   - device: where similarities are computed.
  ///   - onProgress: hears how many of the M test images are done.
  /// - Throws: ``EvaluationError`` when `k` or `temperature` is out of range, labels are missing or of other classes, or
  ///   features are not finite.
  public func accuracy(
    train: Features, test: Features, device: Device = .cpu,
    onProgress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Accuracy {
    var count = Accuracy.Count()
    try forEachBlock(train: train, test: test, device: device) { range, scores in
      count.add(scores: scores, labels: test.labels[range])
      onProgress(range.upperBound, test.count)
    }
    return count.accuracy
  }

  /// The votes for each class, divided by their sum: `[M, C]`, float32, on the CPU.
  ///
  /// - Throws: as ``accuracy(train:test:device:onProgress:)``.
  public func scores(train: Features, test: Features, device: Device = .cpu) throws -> Tensor {
    var blocks: [Tensor] = []
    try forEachBlock(train: train, test: test, device: device) { _, scores in blocks.append(scores) }
    return Tensor.concatenate(blocks)
  }

  private func forEachBlock(
    train: Features, test: Features, device: Device, _ body: (_ rows: Range<Int>, _ scores: Tensor) -> Void
  ) throws {
    guard k >= 1 else { throw EvaluationError("nearest neighbors", expected: "k of at least 1", got: "\(k)") }
    guard temperature > 0, temperature.isFinite else {
      throw EvaluationError("nearest neighbors", expected: "a temperature above 0", got: "\(temperature)")
    }
    try train.requireTrainable()
    let classCount = train.classCount
    try test.requireTestable(classNames: train.classNames, classCount: classCount)
    precondition(
      train.dimension == test.dimension,
      "NearestNeighbors: train features \(train.values.shape) and test features \(test.values.shape) differ in size")
    withoutGradients {
      let known = Functional.normalize(train.values.to(device: device)).transposed()
      let labels = Tensor(train.labels).to(device: device)
      let neighbors = min(k, train.count)
      let rows = max(1, Self.blockElements / train.count)
      for start in stride(from: 0, to: test.count, by: rows) {
        let range = start..<min(start + rows, test.count)
        let asked = Functional.normalize(test.values.narrow(0, range).to(device: device))
        let nearest = asked.matmul(known).topk(neighbors)
        let classes = labels.indexSelect(0, nearest.indices.flattened()).reshaped(nearest.indices.shape)
        // A softmax over the neighbors: the votes over their sum, safe from overflow at low temperatures.
        let votes = Functional.softmax(nearest.values / temperature)
        let scores = Tensor.zeros([range.count, classCount], device: device).scatterAdd(1, classes, votes)
        body(range, scores.to(device: .cpu))
      }
    }
  }
}
