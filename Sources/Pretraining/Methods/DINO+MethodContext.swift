import Methods

extension DINO {
  /// Sections `projection_head` and `dino`.
  convenience init(_ context: MethodContext) {
    let configuration = context.configuration.dino
    var settings = Settings()
    settings.studentTemperature = configuration.studentTemperature
    settings.firstTeacherTemperature = configuration.firstTeacherTemperature
    settings.teacherTemperature = configuration.teacherTemperature
    settings.teacherTemperatureWarmupEpochs = configuration.teacherTemperatureWarmupEpochs
    (settings.centerMomentum, settings.momentum) = (configuration.centerMomentum, configuration.momentum)
    settings.frozenLastLayerEpochs = configuration.frozenLastLayerEpochs
    func network() -> Network {
      let encoder = context.makeEncoder()
      let head = DINOHead(
        dimensions: context.projectionDimensions, outputDimension: configuration.outputDimension,
        normalization: context.configuration.projectionHead.batchNorm ? .hidden : .none,
        scalesLastLayer: !configuration.normalizesLastLayer, generator: context.generator)
      return Network(encoder: encoder, head: head)
    }
    self.init(student: network(), teacher: network(), settings: settings, over: context.group)
  }
}
