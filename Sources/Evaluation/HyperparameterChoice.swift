/// How hyperparameters were chosen: by what each candidate, taught by nine tenths of the train images, made of the rest.
/// Test images have no part in it.
public struct HyperparameterChoice: Codable, Sendable, Equatable {
  /// Values that were tried, and what came of them.
  public struct Candidate: Codable, Sendable, Equatable {
    /// By name, such as `regularization`.
    public let values: [String: Double]
    /// Percent of the images held out, 0…100.
    public let top1: Double

    public init(values: [String: Double], top1: Double) { (self.values, self.top1) = (values, top1) }
  }

  /// Train images that candidates were judged on.
  public let heldOutCount: Int
  public let candidates: [Candidate]

  /// - Parameter candidates: at least one, in the order in which equally good ones are preferred.
  public init(heldOutCount: Int, candidates: [Candidate]) {
    precondition(!candidates.isEmpty, "HyperparameterChoice: there is nothing to choose among")
    (self.heldOutCount, self.candidates) = (heldOutCount, candidates)
  }

  /// The place of the best one; of several with equal accuracy, of the first.
  var bestIndex: Int {
    candidates.indices.dropFirst().reduce(0) { candidates[$1].top1 > candidates[$0].top1 ? $1 : $0 }
  }
}
