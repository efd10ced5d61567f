import Foundation
import Pretraining
import TorchDistributed

/// Shows a training run to people: one line kept up to date on a terminal, plain lines elsewhere. Of several ranks the
/// first one shows it, and the others say only what nobody else knows.
struct TrainingProgress {
  private let console: Console
  private let rank: Int
  private var plan: TrainingPlan?
  private var start = ContinuousClock.now

  init(_ console: Console, rank: Int = 0) {
    self.console = console
    self.rank = rank
  }

  mutating func show(_ event: TrainingEvent) {
    switch event {
    case .badImage(let why): console.note("skipped an image: \(why)")
    case _ where rank != 0: break
    case .started(let plan):
      self.plan = plan
      start = .now
      console.note(Self.opening(plan))
      if let reason = plan.whyNoCUDA { console.note("CUDA is not used: \(reason)") }
      if plan.processes > 1 || plan.carrier == .nccl { console.note(Self.exchanges(plan)) }
    case .repaired(let what): console.note(what)
    case .firstWeights(let what): console.note(what)
    case .warning(let what): console.note("warning: \(what)")
    case .unusedKeys(let what), .passedOver(let what): console.note("not used: \(what)")
    case .step(let step): console.isLive ? console.live(line(step)) : console.note(line(step))
    case .epoch(let epoch):
      console.note(
        "epoch \(epoch.epoch)/\(plan?.epochs ?? epoch.epoch)  mean loss \(epoch.meanLoss.fixed(4))  \(Self.time(epoch.seconds))"
      )
    case .skipped(let skip):
      console.note(
        "skipped step \(skip.step): loss or gradients are not finite (loss \(skip.loss.words), \(skip.inARow) in a row)"
      )
    case .timeIsUp(let limit): console.note("training.time_limit of \(limit) is over")
    case .checkpoint: break
    }
  }

  private static func opening(_ plan: TrainingPlan) -> String {
    let isDone = plan.completedSteps >= plan.totalSteps
    let resumed =
      isDone
      ? ", none left to make after step \(plan.completedSteps)"
      : plan.completedSteps > 0 ? ", going on after step \(plan.completedSteps)" : ""
    return "\(plan.imageCount) images, \(plan.batchesPerEpoch) batches an epoch, \(plan.totalSteps) steps\(resumed); "
      + "\((Double(plan.parameterCount) / 1e6).fixed(2)) million parameters on \(plan.device) in \(plan.precision)"
      + (plan.processes > 1 ? ", \(plan.processes) processes" : "")
  }

  private static func exchanges(_ plan: TrainingPlan) -> String {
    guard case .gloo(let reason) = plan.carrier else { return "exchanges over NCCL" }
    guard let reason, plan.whyNoCUDA == nil else { return "exchanges over Gloo" }
    return "exchanges over Gloo, not NCCL: \(reason)"
  }

  private func line(_ step: StepMetrics) -> String {
    let total = plan?.totalSteps ?? step.step
    return
      "epoch \(step.epoch)  step \(step.step)/\(total)  loss \(step.loss.fixed(4))  lr \(step.learningRate.fixed(5))  "
      + "\(Int(step.imagesPerSecond)) images/s  \(Self.time(secondsLeft(step, total))) left"
      + (step.dataWait > 0.2 ? "  (\(Int(step.dataWait * 100)) % waiting for data)" : "")
      + (step.communicationWait ?? 0 > 0.2
        ? "  (\(Int(step.communicationWait! * 100)) % waiting for other processes)" : "")
  }

  private func secondsLeft(_ step: StepMetrics, _ total: Int) -> Double {
    let made = step.step - (plan?.completedSteps ?? 0)
    let elapsed = start.duration(to: .now).seconds
    return made > 0 ? elapsed / Double(made) * Double(total - step.step) : 0
  }

  /// Hours, minutes and seconds: `1:02:03`, `2:03`.
  static func time(_ seconds: Double) -> String {
    let all = Int(seconds.rounded())
    let tail = String(format: "%02d", all % 60)
    return all < 3600 ? "\(all / 60):\(tail)" : "\(all / 3600):\(String(format: "%02d", all / 60 % 60)):\(tail)"
  }
}

extension Double {
  /// The number with so many digits after the point.
  func fixed(_ digits: Int) -> String { isFinite ? String(format: "%.\(digits)f", self) : words }
}
