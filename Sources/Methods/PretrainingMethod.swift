import Encoders
import Torch
import TorchNN

/// A way to learn an encoder from views of images without labels: SimCLR, BYOL and their neighbors.
///
/// A step is cut in two. *Embedding* goes image by image, so that a batch may go through the network in parts, one after
/// another, or be divided among processes. *Contrasting* sees the embeddings of all of this process's images at once, and
/// through exchanges those of all others. Whoever trains calls both in the right order; a method says only what they compute.
///
/// All state that a run must keep is in parameters and buffers, which checkpoints hold by their names: moving averages
/// are frozen parameters (`Module.freeze()`), queues and centers are buffers. The weights that are left in the end are those of
/// ``encoder``, which must be a stored property of this name.
public protocol PretrainingMethod: Module {
  /// What is pretrained.
  var encoder: any ImageEncoder { get }

  /// Called before the embeddings of a step are asked for: settings that change in the course of a training follow their
  /// schedules here.
  func beginStep(at position: StepPosition)

  /// Parameters that this step leaves as they are, though it finds gradients for them; none, unless a method says otherwise.
  func heldParameters(at position: StepPosition) -> [Parameter]

  /// Whether a view is embedded with gradients; all are, unless a method says otherwise. At least one must be.
  func embeds(view: Int) -> Bool

  /// Whether a global view has targets; none has, unless a method says otherwise.
  func hasTargets(view: Int) -> Bool

  /// Whether the loss is told the labels of the images; it is not, unless a method says otherwise.
  var usesLabels: Bool { get }

  /// Embeds one view of each image, with gradients.
  ///
  /// - Parameters:
  ///   - images: `[N, 3, H, W]`.
  ///   - view: which view of the images they are, from 0.
  /// - Returns: one tensor or several, each `[N, …]`: all that the loss needs of these images.
  func embed(_ images: Tensor, view: Int) -> [Tensor]

  /// What else the loss needs of a global view, without gradients: what a moving average makes of the images, say. Called
  /// without gradient recording, once in a step for each image and view that ``hasTargets(view:)``.
  ///
  /// - Returns: as ``embed(_:view:)``.
  func targets(_ images: Tensor, view: Int) -> [Tensor]

  /// This process's part of the loss of the global batch: the parts of all processes add up to it, and so do their gradients.
  ///
  /// It must not use parameters with gradients: what they compute belongs to ``embed(_:view:)``.
  ///
  /// - Parameters:
  ///   - views: of the same images in the same order, two or more.
  ///   - globalCount: how many of them, from the first on, show much of the image; the others are small local crops.
  /// - Returns: a scalar.
  func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor

  /// How the learning rate of a parameter follows from that of a step; for all it is the same, unless a method says otherwise.
  ///
  /// - Parameter name: as in the state dictionary.
  func learningRateRule(ofParameter name: String) -> LearningRateRule

  /// Called after the optimizer has changed the parameters; not after a step that was skipped. A moving average follows them
  /// here. The same must come of it in every process.
  func finishStep(at position: StepPosition)

  /// Called when ``encoder`` was given other weights before the first step. A moving average begins there again.
  func encoderWasReplaced()

  /// What ``contrast(_:globalCount:)`` exchanges between processes in a step.
  ///
  /// - Parameters:
  ///   - views: of each image.
  ///   - globalBatchSize: images of a step in all processes.
  func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange
}

extension PretrainingMethod {
  public func beginStep(at position: StepPosition) {}
  public func heldParameters(at position: StepPosition) -> [Parameter] { [] }
  public func embeds(view: Int) -> Bool { true }
  public func hasTargets(view: Int) -> Bool { false }
  public var usesLabels: Bool { false }
  public func targets(_ images: Tensor, view: Int) -> [Tensor] { [] }
  public func learningRateRule(ofParameter name: String) -> LearningRateRule { .scheduled }
  public func finishStep(at position: StepPosition) {}
  public func encoderWasReplaced() {}
  public func contrastExchange(views: Int, globalBatchSize: Int) -> ContrastExchange { .init() }
}

/// What a method made of one view of each image.
public struct ViewEmbeddings {
  /// With gradients, each `[N, …]`; none of a view that is not embedded.
  public let embeddings: [Tensor]
  /// Without gradients, each `[N, …]`; none of a view without targets.
  public let targets: [Tensor]
  /// The labels of the images, int64 `[N]`; nil unless the method uses them.
  public let labels: Tensor?

  public init(_ embeddings: [Tensor], targets: [Tensor] = [], labels: Tensor? = nil) {
    (self.embeddings, self.targets, self.labels) = (embeddings, targets, labels)
  }
}

/// Which step of a training it is, for whatever follows a schedule.
public struct StepPosition: Sendable {
  /// From 0.
  public let step: Int
  /// As the schedule counts them, at least 1.
  public let totalSteps: Int
  /// At least 1.
  public let stepsPerEpoch: Int

  /// - Parameter stepsPerEpoch: all, where nothing else is said.
  public init(step: Int, of totalSteps: Int, stepsPerEpoch: Int? = nil) {
    let stepsPerEpoch = stepsPerEpoch ?? totalSteps
    precondition(
      step >= 0 && totalSteps > 0 && stepsPerEpoch > 0,
      "StepPosition: step \(step) of \(totalSteps), \(stepsPerEpoch) an epoch")
    (self.step, self.totalSteps, self.stepsPerEpoch) = (step, totalSteps, stepsPerEpoch)
  }

  /// How much of the training lies behind, 0…1.
  public var progress: Double { min(1, Double(step) / Double(totalSteps)) }

  /// Epochs that lie behind, with the fraction of the one that is under way.
  public var epochs: Double { Double(step) / Double(stepsPerEpoch) }
}

/// Numbers that processes exchange with each other to contrast their embeddings.
public struct ContrastExchange: Equatable, Sendable {
  /// Numbers of all processes together that each gathers, and whose gradients it sends back.
  public var gathered = 0
  /// Numbers of all processes together that each gathers, without gradients.
  public var collected = 0
  /// Numbers in each tensor that is added up over all processes, and whose gradient is too.
  public var summed: [Int] = []
  /// Numbers in each float64 tensor that is added up over all processes, without gradients.
  public var counted: [Int] = []

  public init(gathered: Int = 0, collected: Int = 0, summed: [Int] = [], counted: [Int] = []) {
    (self.gathered, self.collected, self.summed, self.counted) = (gathered, collected, summed, counted)
  }
}
