import Encoders
import Torch
import TorchDistributed
import TorchNN

/// Self-distillation without labels (Caron et al. 2021, arXiv 2104.14294): every view predicts what a teacher makes of the
/// global views of its image. The teacher is a moving average of the student; its outputs are centered over the images of all
/// processes, so that no output wins for all, and sharpened, so that not all are alike.
public final class DINO: Module, PretrainingMethod {
  /// Temperatures, and what follows a schedule.
  public struct Settings: Sendable {
    /// τ_s.
    public var studentTemperature = 0.1
    /// τ_t, of the first epoch.
    public var firstTeacherTemperature = 0.04
    /// τ_t, after the warm-up.
    public var teacherTemperature = 0.04
    /// Epochs in which the teacher's temperature goes from the first to the last.
    public var teacherTemperatureWarmupEpochs = 0
    /// How much of the center a step keeps, 0…1.
    public var centerMomentum = 0.9
    /// How much of the teacher a step keeps at first, 0…1; 1 is approached at the end.
    public var momentum = 0.996
    /// Epochs in which the last layer stays as it was drawn.
    public var frozenLastLayerEpochs = 1.0

    /// The paper's.
    public init() {}
  }

  /// An encoder and its head.
  public struct Network {
    public let encoder: any ImageEncoder
    public let head: DINOHead

    /// - Parameter head: takes the encoder's features.
    public init(encoder: any ImageEncoder, head: DINOHead) { (self.encoder, self.head) = (encoder, head) }

    fileprivate var modules: [Module] { [encoder, head] }
  }

  public let encoder: any ImageEncoder
  public let head: DINOHead
  /// Follows ``encoder``; frozen.
  public let teacherEncoder: any ImageEncoder
  /// Follows ``head``; frozen.
  public let teacherHead: DINOHead
  /// A moving average of the teacher's outputs, `[K]`.
  public let center: Buffer
  public let settings: Settings
  private let group: ProcessGroup
  private let average: MovingAverage
  /// The step that is made; before the first one the warm-up counts as over.
  private var position: StepPosition?
  /// This process's part of the mean of the teacher's outputs in the step that is being made, float64 `[K]`.
  private var newCenter: Tensor?

  /// - Parameters:
  ///   - teacher: of the same architecture as `student`, whose weights it takes over.
  ///   - group: the processes whose losses add up to that of the global batch; as many images in each.
  public init(student: Network, teacher: Network, settings: Settings, over group: ProcessGroup = .single()) {
    (encoder, head) = (student.encoder, student.head)
    (teacherEncoder, teacherHead) = (teacher.encoder, teacher.head)
    center = Buffer(Tensor.zeros([student.head.lastLayer.weightV.value.shape[0]]))
    (self.settings, self.group) = (settings, group)
    average = MovingAverage(teacher.modules, following: student.modules)
  }

  public func beginStep(at position: StepPosition) { self.position = position }

  /// The last layer, in the first epochs.
  public func heldParameters(at position: StepPosition) -> [Parameter] {
    position.epochs < settings.frozenLastLayerEpochs ? head.lastLayer.parameters() : []
  }

  public func hasTargets(view: Int) -> Bool { true }

  /// The student's logits `[N, K]`.
  public func embed(_ images: Tensor, view: Int) -> [Tensor] { [head(encoder(images))] }

  /// The teacher's logits `[N, K]`.
  public func targets(_ images: Tensor, view: Int) -> [Tensor] { [teacherHead(teacherEncoder(images))] }

  /// The paper's Eq. 3: the mean over global views and all views that are not they of the cross-entropy between the
  /// teacher's distribution for the one and the student's for the other.
  public func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
    let temperature = position.map(teacherTemperature(at:)) ?? settings.teacherTemperature
    let teacher = views.prefix(globalCount).map { $0.targets[0] }
    let images = group.size * teacher[0].shape[0]
    newCenter = Tensor.stack(teacher.map { $0.to(.float64).sum(0) }).sum(0) / Double(images * globalCount)
    return withAutocast(center.value.device, .float32) {
      let targets = teacher.map { Functional.softmax(($0 - center.value) / temperature, dimension: 1) }
      let predictions = views.map {
        Functional.logSoftmax($0.embeddings[0] / settings.studentTemperature, dimension: 1)
      }
      return crossEntropyOfSwappedViews(predictions, targets: targets, imageCount: images)
    }
  }

  public func encoderWasReplaced() { average.restart() }

  public func finishStep(at position: StepPosition) {
    average.update(momentum: CosineMomentum(from: settings.momentum).value(at: position))
    guard let newCenter else { return }
    withoutGradients {
      let mean = group.sum(newCenter).to(center.value.dtype)
      center.value.lerp_(mean, weight: 1 - settings.centerMomentum)
    }
    self.newCenter = nil
  }

  /// τ_t rises from epoch to epoch, along a line, until the warm-up is over (appendix D of the paper).
  public func teacherTemperature(at position: StepPosition) -> Double {
    let (epoch, epochs) = (Int(position.epochs), settings.teacherTemperatureWarmupEpochs)
    guard epoch < epochs else { return settings.teacherTemperature }
    let share = epochs == 1 ? 0 : Double(epoch) / Double(epochs - 1)
    return settings.firstTeacherTemperature + share * (settings.teacherTemperature - settings.firstTeacherTemperature)
  }

  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange {
    ContrastExchange(counted: [center.value.count])
  }
}
