import Augmentation
import Keys

/// Everything that defines a pretraining run, as somebody asked for it: `auto` and 0 stand for what
/// ``resolved(for:)`` fills in. The defaults are the paper's.
///
/// ``keys`` declares every key.
public struct Configuration: Equatable, Sendable {
  public var data = DataConfiguration()
  public var augmentation = AugmentationConfiguration()
  public var method = MethodConfiguration()
  public var encoder = EncoderConfiguration()
  public var projectionHead = ProjectionHeadConfiguration()
  public var loss = LossConfiguration()
  public var byol = BYOLConfiguration()
  public var moco = MoCoConfiguration()
  public var simsiam = SimSiamConfiguration()
  public var nnclr = NNCLRConfiguration()
  public var supcon = SupConConfiguration()
  public var barlowTwins = BarlowTwinsConfiguration()
  public var vicreg = VICRegConfiguration()
  public var swav = SwAVConfiguration()
  public var dino = DINOConfiguration()
  public var distill = DistillConfiguration()
  public var cmc = CMCConfiguration()
  public var amdim = AMDIMConfiguration()
  public var optimizer = OptimizerConfiguration()
  public var schedule = ScheduleConfiguration()
  public var training = TrainingConfiguration()
  public var distributed = DistributedConfiguration()
  public var evaluation = EvaluationConfiguration()
  public var output = OutputConfiguration()

  /// The defaults.
  public init() {}
}

extension Configuration {
  /// All keys, in the order of the file. What can be read, what is checked, documented, compared and written comes from
  /// this.
  ///
  /// To add a key, give its struct a property and its `section` a row. To add a section, write a struct with the defaults
  /// and a `section` of its own, as ``LossConfiguration`` is, and give it a property above and a line here. Keys that count only
  /// for some methods (a program's own may use any) say so by `used(with:)`.
  public static let keys = Section<Configuration>(
    "", "Everything that defines a pretraining run.",
    rules: [
      warmUpFitsTraining, queueHoldsWholeBatches, supportSetHoldsWholeBatches, swavQueueHoldsWholeBatches,
      swavHasImagesForItsPrototypes, distillationHasATeacher, cmcDividesAResNet, amdimTakesMapsOfAResNet,
      amdimTakesNoLocalViews,
    ] + patchesDivideViews
  ) {
    DataConfiguration.section.within(\.data)
    AugmentationConfiguration.section.within(\.augmentation)
    MethodConfiguration.section.within(\.method)
    EncoderConfiguration.section.within(\.encoder)
    ProjectionHeadConfiguration.section.within(\.projectionHead)
    LossConfiguration.section.within(\.loss).used(with: \.method.name, .simclr, .custom)
    BYOLConfiguration.section.within(\.byol).used(with: \.method.name, .byol, .custom)
    MoCoConfiguration.section.within(\.moco).used(with: \.method.name, .moco, .custom)
    SimSiamConfiguration.section.within(\.simsiam).used(with: \.method.name, .simsiam, .custom)
    NNCLRConfiguration.section.within(\.nnclr).used(with: \.method.name, .nnclr, .custom)
    SupConConfiguration.section.within(\.supcon).used(with: \.method.name, .supcon, .custom)
    BarlowTwinsConfiguration.section.within(\.barlowTwins).used(with: \.method.name, .barlowTwins, .custom)
    VICRegConfiguration.section.within(\.vicreg).used(with: \.method.name, .vicreg, .custom)
    SwAVConfiguration.section.within(\.swav).used(with: \.method.name, .swav, .custom)
    DINOConfiguration.section.within(\.dino).used(with: \.method.name, .dino, .custom)
    DistillConfiguration.section.within(\.distill).used(with: \.method.name, .distill, .custom)
    CMCConfiguration.section.within(\.cmc).used(with: \.method.name, .cmc, .custom)
    AMDIMConfiguration.section.within(\.amdim).used(with: \.method.name, .amdim, .custom)
    OptimizerConfiguration.section.within(\.optimizer)
    ScheduleConfiguration.section.within(\.schedule)
    TrainingConfiguration.section.within(\.training)
    DistributedConfiguration.section.within(\.distributed)
    EvaluationConfiguration.section.within(\.evaluation)
    OutputConfiguration.section.within(\.output)
  }

  private static let queueHoldsWholeBatches = Rule<Configuration>(
    about: \.moco.queueLength, and: \.training.globalBatchSize,
    text: "a multiple of `training.global_batch_size` with `moco` of version 2"
  ) { configuration in
    guard configuration.method.name == .moco && configuration.moco.version == 2 else { return nil }
    return configuration.fault(ofQueueLength: configuration.moco.queueLength)
  }

  private static let supportSetHoldsWholeBatches = Rule<Configuration>(
    about: \.nnclr.queueLength, and: \.training.globalBatchSize,
    text: "a multiple of `training.global_batch_size` with `nnclr`"
  ) { configuration in
    guard configuration.method.name == .nnclr else { return nil }
    return configuration.fault(ofQueueLength: configuration.nnclr.queueLength)
  }

  /// What is wrong with a queue that takes whole batches and lets whole batches go.
  private func fault(ofQueueLength length: Int) -> Fault? {
    let batch = training.globalBatchSize
    guard !length.isMultiple(of: batch) else { return nil }
    return Fault(expected: "a multiple of training.global_batch_size (\(batch))", got: "\(length)")
  }

  private static let warmUpFitsTraining = Rule<Configuration>(
    about: \.schedule.warmupEpochs, and: \.training.epochs, text: "at most `training.epochs`"
  ) { configuration in
    let (warmup, epochs) = (configuration.schedule.warmupEpochs, configuration.training.epochs)
    guard warmup > Double(epochs) else { return nil }
    return Fault(expected: "a number from 0 to training.epochs (\(epochs))", got: "\(warmup)")
  }
}
