import Methods
import TorchNN

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

extension PretrainingMethod {
  /// What an optimizer of this section trains of a method.
  func optimizedParameters(by optimizer: OptimizerConfiguration) -> [OptimizedParameter] {
    optimizedParameters(decayBiasAndNorm: optimizer.decayBiasAndNorm) { name, parameter in
      var rule = learningRateRule(ofParameter: name)
      if optimizer.biasAndNormLearningRate > 0 && [.bias, .normalization].contains(parameter.role) {
        rule.factor *= optimizer.biasAndNormLearningRate / optimizer.learningRate
      }
      return rule
    }
  }
}
