/// How features were turned into an accuracy, with every hyperparameter.
///
/// In JSON an object with `name` (`knn` or `linear`) and the hyperparameters beside it.
public enum EvaluationProtocol: Codable, Sendable, Equatable {
  case knn(NearestNeighbors)
  case linear(LinearProbe)

  /// `knn` or `linear`.
  public var name: String {
    switch self {
    case .knn: "knn"
    case .linear: "linear"
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
    case let name:
      throw DecodingError.dataCorruptedError(
        forKey: .name, in: container, debugDescription: "unknown evaluation protocol '\(name)': expected knn or linear")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    switch self {
    case .knn(let neighbors): try neighbors.encode(to: encoder)
    case .linear(let probe): try probe.encode(to: encoder)
    }
  }
}
