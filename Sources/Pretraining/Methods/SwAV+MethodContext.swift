import Methods

extension SwAV {
  /// Sections `projection_head` and `swav`.
  convenience init(_ context: MethodContext) {
    let configuration = context.configuration.swav
    var settings = Settings()
    settings.prototypes = configuration.prototypes
    settings.temperature = configuration.temperature
    (settings.epsilon, settings.sinkhornIterations) = (configuration.epsilon, configuration.sinkhornIterations)
    (settings.queueLength, settings.queueStartEpochs) = (configuration.queueLength, configuration.queueStartEpochs)
    settings.frozenPrototypesEpochs = configuration.frozenPrototypesEpochs
    self.init(
      encoder: context.makeEncoder(), projectionHead: context.makeProjectionHead(.hidden), settings: settings,
      generator: context.generator, over: context.group)
  }
}
