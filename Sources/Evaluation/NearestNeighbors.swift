import Torch

/// Classification by the nearest neighbors among the train images (Wu et al. 2018, section 3.4): each of the `k` most
/// similar votes for its class with exp(cosine similarity / `temperature`).
///
/// It has nothing to train, so that its accuracy speaks of the features alone.
public struct NearestNeighbors: Codable, Sendable, Equatable {
  /// How many neighbors vote, at least 1; all of them where there are fewer.
  public var k: Int
  /// Above 0; the smaller, the more the nearest count.
  public var temperature: Double

  public init(k: Int = 20, temperature: Double = 0.1) {
    self.k = k
    self.temperature = temperature
  }

  /// Classifies the test images by the train images, exactly.
  ///
  /// Cosine similarities are computed in blocks of test and of train images, so that beside the features the memory taken
  /// grows with neither. Five classes or fewer give a top-5 of 100.
  ///
  /// - Parameters:
  ///   - train: `[N, D]` with labels of at least two classes.
  ///   - test: `[M, D]` with labels of the same classes.
  ///   - device: where similarities are computed.
  ///   - onProgress: hears how many of the M test images are done.
  /// - Throws: ``EvaluationError`` when `k` or `temperature` is out of range, labels are missing or of other classes, or
  ///   features are not finite.
  public func judge(
    train: Features, test: Features, device: Device = .cpu,
    onProgress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Judgement {
    var judgement = Judgement(classCount: train.classCount)
    try forEachBlock(train: train, test: test, device: device) { rows, votes in
      judgement.add(probabilities: votes(self), labels: test.labels[rows])
      onProgress(rows.upperBound, test.count)
    }
    return judgement
  }

  /// The share of test images whose class is found.
  ///
  /// - Throws: as ``judge(train:test:device:onProgress:)``.
  public func accuracy(train: Features, test: Features, device: Device = .cpu) throws -> Accuracy {
    try judge(train: train, test: test, device: device).accuracy
  }

  /// The votes for each class, divided by their sum: `[M, C]`, float32, on the CPU.
  ///
  /// - Throws: as ``judge(train:test:device:onProgress:)``.
  public func scores(train: Features, test: Features, device: Device = .cpu) throws -> Tensor {
    var blocks: [Tensor] = []
    try forEachBlock(train: train, test: test, device: device) { _, votes in blocks.append(votes(self)) }
    return Tensor.concatenate(blocks)
  }

  private func validate() throws {
    guard k >= 1 else { throw EvaluationError("nearest neighbors", expected: "k of at least 1", got: "\(k)") }
    guard temperature > 0, temperature.isFinite else {
      throw EvaluationError("nearest neighbors", expected: "a temperature above 0", got: "\(temperature)")
    }
  }

  /// - Parameter body: gets the rows of a block of test images, and their votes by any settings of no larger `k`.
  private func forEachBlock(
    train: Features, test: Features, device: Device,
    _ body: (_ rows: Range<Int>, _ votes: (NearestNeighbors) -> Tensor) -> Void
  ) throws {
    try validate()
    try train.requireTrainable()
    let classCount = train.classCount
    try test.requireTestable(classNames: train.classNames, classCount: classCount)
    precondition(
      train.dimension == test.dimension,
      "NearestNeighbors: train features \(train.values.shape) and test features \(test.values.shape) differ in size")
    let labels = Tensor(train.labels).to(device: device)
    var search = NeighborSearch(.cosine)
    search.device = device
    search.forEachBlock(of: test.values, in: train.values, count: k) { rows, similarities, places in
      let classes = labels.indexSelect(0, places.flattened()).reshaped(places.shape)
      body(rows) { settings in
        let voters = 0..<min(settings.k, places.shape[1])
        // A softmax over the neighbors: the votes over their sum, safe from overflow at low temperatures.
        let votes = Functional.softmax(similarities.narrow(1, voters) / settings.temperature)
        return Tensor.zeros([rows.count, classCount], device: device)
          .scatterAdd(1, classes.narrow(1, voters), votes).to(device: .cpu)
      }
    }
  }
}

// MARK: - Choosing

extension NearestNeighbors {
  /// What is tried where nothing is given, of equally good ones the first: few neighbors last, for their votes vary most.
  public static let candidates = [20, 50, 100, 200, 10, 5, 1].flatMap { k in
    [0.1, 0.07, 0.05, 0.02, 0.2, 0.5].map { NearestNeighbors(k: k, temperature: $0) }
  }

  /// Finds the candidate that does best on a tenth of the train images, with the others as neighbors.
  ///
  /// - Parameters:
  ///   - candidates: at least one.
  ///   - train: `[N, D]` with labels of at least two classes.
  ///   - seed: decides which images are held out.
  /// - Throws: ``EvaluationError`` as ``judge(train:test:device:onProgress:)``, and when no image can be held out.
  public static func choose(
    among candidates: [NearestNeighbors] = candidates, on train: Features, seed: UInt64, device: Device = .cpu,
    onProgress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> (settings: NearestNeighbors, choice: HyperparameterChoice) {
    let (teaching, heldOut) = try train.holdingOut(seed: seed)
    for candidate in candidates { try candidate.validate() }
    var judgements = candidates.map { _ in Judgement(classCount: train.classCount) }
    let widest = NearestNeighbors(k: candidates.map(\.k).max()!)
    try widest.forEachBlock(train: teaching, test: heldOut, device: device) { rows, votes in
      for (number, candidate) in candidates.enumerated() {
        judgements[number].add(probabilities: votes(candidate), labels: heldOut.labels[rows])
      }
      onProgress(rows.upperBound, heldOut.count)
    }
    let choice = HyperparameterChoice(
      heldOutCount: heldOut.count,
      candidates: zip(candidates, judgements).map { candidate, judgement in
        .init(
          values: ["k": Double(candidate.k), "temperature": candidate.temperature], top1: judgement.accuracy.top1)
      })
    return (candidates[choice.bestIndex], choice)
  }
}
