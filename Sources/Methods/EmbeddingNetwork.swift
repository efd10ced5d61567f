import Encoders
import TorchNN

/// An encoder and the head that projects its features: what a method has one of, or a second one that follows it.
public struct EmbeddingNetwork {
  public let encoder: any ImageEncoder
  public let projectionHead: ProjectionHead

  /// - Parameter projectionHead: takes the encoder's features.
  public init(encoder: any ImageEncoder, projectionHead: ProjectionHead) {
    (self.encoder, self.projectionHead) = (encoder, projectionHead)
  }

  var modules: [Module] { [encoder, projectionHead] }
}
