import Methods

extension CMC {
  /// Sections `projection_head`, for each half, and `cmc`.
  convenience init(_ context: MethodContext) {
    self.init(
      encoder: context.configuration.makeLabEncoder(generator: context.generator),
      lightnessHead: context.makeProjectionHead(.hidden), colorHead: context.makeProjectionHead(.hidden),
      temperature: context.configuration.cmc.temperature, over: context.group)
  }
}
