import Keys
import Methods
import TorchDistributed

/// A method as it is made for a run.
public typealias MethodFactory = (MethodContext) -> any PretrainingMethod

/// The methods by the names that `method.name` takes. A new one is a case, with what makes it, and its section of
/// ``Configuration/keys`` if it has settings.
public enum MethodName: String, CaseIterable, Sendable {
  case simclr, byol, moco, simsiam, nnclr
  case barlowTwins = "barlow_twins"
  case vicreg, supcon
  case swav, dino, distill, cmc, amdim
  /// One that a program brings along which uses this package.
  case custom

  /// What makes the method; nil where the program must say.
  var factory: MethodFactory? {
    switch self {
    case .simclr: SimCLR.init
    case .byol: BYOL.init
    case .moco: Self.moco
    case .simsiam: SimSiam.init
    case .nnclr: NNCLR.init
    case .barlowTwins: BarlowTwins.init
    case .vicreg: VICReg.init
    case .supcon: SupCon.init
    case .swav: SwAV.init
    case .dino: DINO.init
    case .distill: Distillation.init
    case .cmc: CMC.init
    case .amdim: AMDIM.init
    case .custom: nil
    }
  }
}

extension MethodName {
  /// MoCo of the version that section `moco` names.
  private static func moco(_ context: MethodContext) -> any PretrainingMethod {
    if context.configuration.moco.version == 3 { MoCoV3(context) } else { MoCo(context) }
  }
}

extension ResolvedConfiguration {
  /// What makes the method of section `method`.
  ///
  /// - Parameter custom: that of the program, for `custom`.
  /// - Throws: `ConfigurationError` when the one is there without the other.
  func methodFactory(custom: MethodFactory?) throws -> MethodFactory {
    switch (self.method.name.factory, custom) {
    case (let factory?, nil), (nil, let factory?): return factory
    case (nil, nil):
      throw ConfigurationError(
        \.method.name,
        "custom stands for a method of a program of your own, and this program has none; use \(MethodName.builtIn)"
      )
    case (_?, _?):
      throw ConfigurationError(
        \.method.name, "expected custom for the method that this program brings, got \(self.method.name.rawValue)")
    }
  }
}

extension ResolvedConfiguration {
  /// The method of a resolved configuration with its first weights, for one process.
  ///
  /// - Throws: `ConfigurationError` where it is `custom`.
  package func makeMethod() throws -> any PretrainingMethod {
    try methodFactory(custom: nil)(MethodContext(self, over: .single()))
  }
}

extension MethodName {
  fileprivate static var builtIn: String {
    allCases.filter { $0.factory != nil }.map(\.rawValue).joined(separator: " or ")
  }
}

extension NTXentLoss {
  /// The loss of section `loss`.
  init(_ settings: LossConfiguration, over group: ProcessGroup) {
    let decoupling: Decoupling =
      switch settings.decoupled {
      case .none: .none
      case .dcl: .plain
      case .dclw: .weighted(sigma: settings.sigma)
      }
    self.init(temperature: settings.temperature, decoupling: decoupling, over: group)
  }
}

extension SimCLR {
  /// Sections `projection_head` and `loss`.
  fileprivate convenience init(_ context: MethodContext) {
    self.init(
      encoder: context.makeEncoder(), projectionHead: context.makeProjectionHead(.all),
      loss: NTXentLoss(context.configuration.loss, over: context.group))
  }
}

extension BYOL {
  /// Sections `projection_head` and `byol`.
  fileprivate convenience init(_ context: MethodContext) {
    let settings = context.configuration.byol
    let online = context.makeNetwork(.hidden)
    let predictor = context.makePredictor(hiddenDimension: settings.predictorHiddenDimension)
    self.init(
      online: online, target: context.makeNetwork(.hidden), predictor: predictor, baseMomentum: settings.momentum,
      over: context.group)
  }
}

extension MoCo {
  /// Sections `projection_head` and `moco`.
  fileprivate convenience init(_ context: MethodContext) {
    let settings = context.configuration.moco
    self.init(
      network: context.makeNetwork(.hidden), keyNetwork: context.makeNetwork(.hidden),
      queueLength: settings.queueLength, temperature: settings.temperature, momentum: settings.momentum,
      generator: context.generator, over: context.group)
  }
}

extension MoCoV3 {
  /// Sections `projection_head` and `moco`.
  fileprivate convenience init(_ context: MethodContext) {
    let settings = context.configuration.moco
    let network = context.makeNetwork(.standardizing)
    let predictor = context.makePredictor(hiddenDimension: settings.predictorHiddenDimension, .standardizing)
    self.init(
      network: network, keyNetwork: context.makeNetwork(.standardizing), predictor: predictor,
      temperature: settings.temperature, baseMomentum: settings.momentum, over: context.group)
  }
}

extension SimSiam {
  /// Sections `projection_head` and `simsiam`.
  fileprivate convenience init(_ context: MethodContext) {
    let settings = context.configuration.simsiam
    let network = context.makeNetwork(.standardizing)
    let quarter = max(1, network.projectionHead.outputDimension / 4)
    let hidden = settings.predictorHiddenDimension > 0 ? settings.predictorHiddenDimension : quarter
    self.init(
      network: network, predictor: context.makePredictor(hiddenDimension: hidden),
      hasConstantPredictorRate: settings.constantPredictorRate, over: context.group)
  }
}

extension NNCLR {
  /// Sections `projection_head` and `nnclr`.
  fileprivate convenience init(_ context: MethodContext) {
    let settings = context.configuration.nnclr
    let network = context.makeNetwork(.all)
    let predictor = context.makePredictor(hiddenDimension: settings.predictorHiddenDimension)
    self.init(
      network: network, predictor: predictor, queueLength: settings.queueLength, temperature: settings.temperature,
      generator: context.generator, over: context.group)
  }
}

extension SupCon {
  /// Sections `projection_head` and `supcon`.
  fileprivate convenience init(_ context: MethodContext) {
    self.init(
      encoder: context.makeEncoder(), projectionHead: context.makeProjectionHead(.hidden),
      loss: SupConLoss(temperature: context.configuration.supcon.temperature, over: context.group))
  }
}

extension BarlowTwins {
  /// Sections `projection_head` and `barlow_twins`.
  fileprivate convenience init(_ context: MethodContext) {
    self.init(
      encoder: context.makeEncoder(), projectionHead: context.makeProjectionHead(.hidden),
      redundancyWeight: context.configuration.barlowTwins.redundancyWeight, over: context.group)
  }
}

extension VICReg {
  /// Sections `projection_head` and `vicreg`.
  fileprivate convenience init(_ context: MethodContext) {
    let settings = context.configuration.vicreg
    self.init(
      encoder: context.makeEncoder(), projectionHead: context.makeProjectionHead(.hidden),
      weights: Weights(
        invariance: settings.invarianceWeight, variance: settings.varianceWeight, covariance: settings.covarianceWeight),
      over: context.group)
  }
}
