import Torch
import TorchNN

/// A network f(·) from images to features: what is pretrained, evaluated and exported.
///
/// Its parameters and buffers have the names under which the architecture is published, so that its state is a file that
/// others load.
public protocol ImageEncoder: Module {
  /// The number of features of an image.
  var featureCount: Int { get }

  /// Whether training keeps no activations within ``blocks`` and computes them again in the backward pass.
  var recomputesBlocks: Bool { get set }

  /// The parts that activations can be computed again within, in order.
  var blocks: [Module] { get }

  /// Embeds images `[N, 3, H, W]` as features `[N, featureCount]`.
  func callAsFunction(_ images: Tensor) -> Tensor

  /// What names of the published network's classifier begin with; `fc.` unless an encoder says otherwise.
  var classifierPrefix: String { get }

  /// Changes published weights of other sizes or names into its own, where that is plain; there are none unless an encoder says
  /// otherwise.
  ///
  /// - Returns: what was changed, in words.
  func adapt(_ published: inout [String: Tensor]) -> [String]
}

extension ImageEncoder {
  public var classifierPrefix: String { "fc." }
  public func adapt(_ published: inout [String: Tensor]) -> [String] { [] }
}
