import Torch
import TorchNN

extension ResNet {
  /// The encoder that a resolved configuration describes, with first weights drawn from its seed.
  public convenience init(_ configuration: Configuration, generator: Generator) {
    self.init(
      configuration.encoder.architecture, width: configuration.encoder.width,
      stem: configuration.encoder.stem == .cifar ? .cifar : .imagenet,
      zeroInitialisesResiduals: configuration.encoder.zeroInitializeResiduals, generator: generator)
  }
}

extension SimCLRModel {
  /// The model that a resolved configuration describes, with first weights drawn from its seed. They are drawn on the
  /// CPU, so that every device starts from the same ones.
  public convenience init(_ configuration: Configuration) {
    let generator = Generator(seed: UInt64(configuration.training.seed))
    let encoder = ResNet(configuration, generator: generator)
    let head = configuration.projectionHead
    let hidden = Array(repeating: head.hiddenDimension, count: head.layers - 1)
    self.init(
      encoder: encoder,
      projectionHead: ProjectionHead(
        dimensions: [encoder.featureCount] + hidden + [head.outputDimension], batchNorm: head.batchNorm,
        generator: generator))
  }
}

extension OptimizerConfiguration {
  /// The optimizer that this section describes.
  public func makeOptimizer(for parameters: [OptimizedParameter]) -> Optimizer {
    switch name {
    case .sgd: SGD(parameters, momentum: momentum, weightDecay: weightDecay, nesterov: nesterov)
    case .lars:
      LARS(parameters, momentum: momentum, weightDecay: weightDecay, trustCoefficient: trustCoefficient)
    case .adam: Adam(parameters, betas: (beta1, beta2), epsilon: epsilon, weightDecay: weightDecay)
    case .adamw:
      Adam(parameters, betas: (beta1, beta2), epsilon: epsilon, weightDecay: weightDecay, decay: .decoupled)
    }
  }
}

extension TrainingConfiguration.Precision {
  /// The element type of convolutions and matrix products; `auto` must have been resolved.
  public var dtype: DType {
    switch self {
    case .fp32, .tf32: .float32
    case .bf16: .bfloat16
    case .fp16: .float16
    case .fp64: .float64
    case .auto: preconditionFailure("Precision: auto was not resolved")
    }
  }
}
