import Torch

/// Something went wrong between the processes of one training: one or two plain lines.
public struct DistributedError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
  /// Whether another process failed first, and this one only noticed.
  public let isConsequence: Bool

  public init(_ description: String, isConsequence: Bool = false) {
    self.description = description
    self.isConsequence = isConsequence
  }
}
