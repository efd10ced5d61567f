/// How features were turned into an accuracy, with every hyperparameter.
///
/// In JSON an object with `name` and the hyperparameters beside it.
public enum EvaluationProtocol: Codable, Sendable, Equatable {
  case knn(NearestNeighbors)
  case linear(LinearProbe)
  case logistic(LogisticRegression)
  case augmentedLinear(AugmentedLinearProbe)
  case fineTuning(FineTuning)

  /// `knn`, `linear`, `linear-lbfgs`, `linear-simclr` or `finetune`.
  public var name: String {
    switch self {
    case .knn: "knn"
    case .linear: "linear"
    case .logistic: "linear-lbfgs"
    case .augmentedLinear: "linear-simclr"
    case .fineTuning: "finetune"
    }
  }

  private enum CodingKeys: String, CodingKey {
    case name
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(String.self, forKey: .name) {
    case "knn": self = .knn(try NearestNeighbors(from: decoder))
    case "linear": self = .linear(try LinearProbe(from: decoder))
    case "linear-lbfgs": self = .logistic(try LogisticRegression(from: decoder))
    case "linear-simclr": self = .augmentedLinear(try AugmentedLinearProbe(from: decoder))
    case "finetune": self = .fineTuning(try FineTuning(from: decoder))
    case let name:
      throw DecodingError.dataCorruptedError(
        forKey: .name, in: container,
        debugDescription:
          "unknown evaluation protocol '\(name)': expected knn, linear, linear-lbfgs, linear-simclr or finetune")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    switch self {
    case .knn(let neighbors): try neighbors.encode(to: encoder)
    case .linear(let probe): try probe.encode(to: encoder)
    case .logistic(let regression): try regression.encode(to: encoder)
    case .augmentedLinear(let probe): try probe.encode(to: encoder)
    case .fineTuning(let tuning): try tuning.encode(to: encoder)
    }
  }
}
