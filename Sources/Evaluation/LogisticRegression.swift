import Foundation
import Torch

/// Linear evaluation without a learning rate: multinomial logistic regression on the features of a frozen encoder, solved by
/// L-BFGS in float64. It minimizes the mean cross-entropy plus `regularization` / 2 · ‖weights‖², biases left out; that is
/// scikit-learn's `LogisticRegression` with `C` = 1 / (`regularization` · N).
public struct LogisticRegression: Codable, Sendable, Equatable {
  /// At least 0; nil: chosen among ``candidates`` on a tenth of the train images, after which all of them teach.
  public var regularization: Double?
  /// Steps of L-BFGS at most, at least 1.
  public var maximumIterations: Int
  /// Whether each feature is first brought to mean 0 and standard deviation 1 over the train images.
  public var standardizesFeatures: Bool

  public init(regularization: Double? = nil, maximumIterations: Int = 500, standardizesFeatures: Bool = true) {
    self.regularization = regularization
    self.maximumIterations = maximumIterations
    self.standardizesFeatures = standardizesFeatures
  }

  /// What is tried, from the strongest to the weakest: 10 to 10⁻⁶ in steps of √10.
  public static let candidates = (0...14).map { pow(10, 1 - Double($0) / 2) }

  /// Rows of features in float64 at a time.
  private static let blockRows = 8192
}

// MARK: - Training

extension LogisticRegression {
  /// Confirms that a classifier can be trained so.
  ///
  /// - Throws: ``EvaluationError`` naming the first value out of range.
  public func validate() throws {
    if let regularization, !(regularization >= 0 && regularization.isFinite) {
      throw EvaluationError("logistic regression", expected: "a regularization of at least 0", got: "\(regularization)")
    }
    guard maximumIterations >= 1 else {
      throw EvaluationError("logistic regression", expected: "at least 1 iteration", got: "\(maximumIterations)")
    }
  }

  /// Trains a classifier; there is nothing random about it but which train images hyperparameters are chosen on.
  ///
  /// - Parameters:
  ///   - train: `[N, D]` with labels of at least two classes.
  ///   - seed: decides which images are held out.
  ///   - device: where the classifier is trained; it has to know float64.
  ///   - onProgress: hears in words how far it is.
  /// - Returns: the classifier, these settings with the regularization that was used, and how that was chosen.
  /// - Throws: ``EvaluationError`` when a value is out of range, labels are missing or all of one class, or features are not
  ///   finite.
  public func train(
    on train: Features, seed: UInt64, device: Device = .cpu, onProgress: (String) -> Void = { _ in }
  ) throws -> (classifier: LinearClassifier, settings: LogisticRegression, choice: HyperparameterChoice?) {
    try validate()
    try train.requireTrainable()
    guard regularization == nil else { return (solve(train, device: device, onProgress: onProgress), self, nil) }
    let (teaching, heldOut) = try train.holdingOut(seed: seed)
    var candidates: [HyperparameterChoice.Candidate] = []
    var start: LinearClassifier?
    for (number, candidate) in Self.candidates.enumerated() {
      let classifier = with(candidate).solve(teaching, from: start, device: device) {
        onProgress("choosing \(number + 1)/\(Self.candidates.count)  \($0)")
      }
      candidates.append(
        .init(values: ["regularization": candidate], top1: try classifier.judge(heldOut).accuracy.top1))
      start = classifier
    }
    let choice = HyperparameterChoice(heldOutCount: heldOut.count, candidates: candidates)
    let chosen = with(Self.candidates[choice.bestIndex])
    return (chosen.solve(train, device: device, onProgress: onProgress), chosen, choice)
  }

  private func with(_ regularization: Double) -> LogisticRegression {
    var result = self
    result.regularization = regularization
    return result
  }

  /// - Parameter start: where the search begins; from zeros, where there is none.
  private func solve(
    _ train: Features, from start: LinearClassifier? = nil, device: Device, onProgress: (String) -> Void
  ) -> LinearClassifier {
    let standardization = standardizesFeatures ? Standardization(of: train) : .none(dimension: train.dimension)
    let inputs = standardization(train.values).to(device: device)
    let labels = Tensor(train.labels).to(device: device)
    let (classes, dimension) = (train.classCount, train.dimension)
    let first = start.map { Tensor.concatenate([$0.weight.flattened(), $0.bias]).to(.float64, device: device) }
    var search = LBFGS()
    search.maximumIterations = maximumIterations
    search.gradientTolerance = 1e-8
    var losses: [Double] = []
    let solution = withoutGradients {
      search.minimize(
        from: first ?? Tensor.zeros([classes * (dimension + 1)], dtype: .float64, device: device),
        onIteration: { done, value in
          losses.append(value)
          onProgress("L-BFGS  step \(done)  loss \(value)")
        }
      ) { objective(at: $0, inputs, labels, classes) }
    }
    return LinearClassifier(
      weight: solution.narrow(0, 0..<classes * dimension).reshaped([classes, dimension]).to(.float32, device: .cpu),
      bias: solution.narrow(0, classes * dimension..<classes * (dimension + 1)).to(.float32, device: .cpu),
      standardization: standardization, losses: losses, classNames: train.classNames)
  }

  /// What is minimized, and its gradient, at weights `[C, D]` with biases `[C]` behind them, in one vector.
  private func objective(
    at point: Tensor, _ inputs: Tensor, _ labels: Tensor, _ classes: Int
  ) -> (value: Double, gradient: Tensor) {
    let (count, dimension) = (inputs.shape[0], inputs.shape[1])
    let weight = point.narrow(0, 0..<classes * dimension).reshaped([classes, dimension])
    let bias = point.narrow(0, classes * dimension..<classes * (dimension + 1))
    let gradient = Tensor.zeros(like: point)
    let weightGradient = gradient.narrow(0, 0..<classes * dimension).reshaped([classes, dimension])
    let biasGradient = gradient.narrow(0, classes * dimension..<classes * (dimension + 1))
    let loss = Tensor.zeros([], dtype: .float64, device: inputs.device)
    for start in stride(from: 0, to: count, by: Self.blockRows) {
      let rows = start..<min(start + Self.blockRows, count)
      let block = inputs.narrow(0, rows).to(.float64)
      let target = labels.narrow(0, rows).unsqueezed(1)
      let logProbabilities = Functional.logSoftmax(Functional.linear(block, weight: weight, bias: bias))
      loss.sub_(logProbabilities.gather(1, target).sum())
      let wrong = logProbabilities.exp().scatterAdd(
        1, target, Tensor.full([rows.count, 1], -1, dtype: .float64, device: inputs.device))
      weightGradient.addmm_(wrong.transposed(), block)
      biasGradient.add_(wrong.sum(0))
    }
    gradient.mul_(1 / Double(count))
    let strength = regularization ?? 0
    weightGradient.add_(weight, alpha: strength)
    let value = loss.item() / Double(count) + strength / 2 * weight.pow(2).sum().item()
    return (value, gradient)
  }
}
