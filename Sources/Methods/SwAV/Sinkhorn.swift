import Torch
import TorchDistributed

/// Shares images out evenly among prototypes (Sinkhorn and Knopp; SwAV, arXiv 2006.09882, section 3.1): from similarities
/// come codes, of which all prototypes have equal parts over the images of all processes.
public struct Sinkhorn: Sendable {
  /// ε: the larger, the softer the codes.
  public let epsilon: Double
  /// How often prototypes, then images are made even, at least 1.
  public let iterations: Int
  private let group: ProcessGroup

  /// - Parameter group: the processes whose images are shared out together, as many in each.
  public init(epsilon: Double, iterations: Int, over group: ProcessGroup = .single()) {
    precondition(
      epsilon > 0 && iterations > 0, "Sinkhorn: expected ε and iterations above 0, got \(epsilon) and \(iterations)")
    (self.epsilon, self.iterations, self.group) = (epsilon, iterations, group)
  }

  /// The codes of this process's images, in float64, whose range exp(±1/ε) needs.
  ///
  /// - Parameter scores: cosines with the prototypes, `[N, K]`.
  /// - Returns: `[N, K]` without gradient; every row adds up to 1.
  public func callAsFunction(_ scores: Tensor) -> Tensor {
    withoutGradients {
      let codes = (scores.detached().to(.float64) / epsilon).exp()
      for _ in 0..<iterations {
        // What the paper divides both by, K and B, the other division takes away again.
        codes.div_(group.sum(codes.sum(0, keepDimensions: true)))
        codes.div_(codes.sum(1, keepDimensions: true))
      }
      return codes
    }
  }
}
