import Encoders
import Methods

extension AMDIM {
  /// Sections `projection_head`, for each depth, and `amdim`.
  convenience init(_ context: MethodContext) {
    guard let encoder = context.makeEncoder() as? any FeatureMapEncoder else {
      preconditionFailure("AMDIM: an encoder without maps, which the configuration should have refused")
    }
    let settings = context.configuration.amdim
    func head(of channels: Int) -> ProjectionHead {
      ProjectionHead(
        dimensions: [channels] + context.projectionDimensions.dropFirst(),
        normalization: context.configuration.projectionHead.batchNorm ? .hidden : .none, generator: context.generator)
    }
    let channels = encoder.mapChannels.suffix(2).map { $0 }
    self.init(
      encoder: encoder, heads: (head(of: channels[1]), head(of: channels[1]), head(of: channels[0])),
      clip: settings.clip, penalty: settings.penalty, over: context.group)
  }
}
