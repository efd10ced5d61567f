import Foundation
import Torch
import TorchNN

/// Modules whose parameters follow those of others: after every step a mean of what they were and of what the others are.
///
/// Running statistics of BatchNorm do not follow; those of a moving average come from its own forward passes.
public struct MovingAverage {
  private let modules: [(follower: Module, leader: Module)]
  private let followers: [Parameter]
  private let leaders: [Parameter]

  /// Gives the followers the state of the leaders, and freezes them.
  ///
  /// - Parameter modules: of the same architecture, each as the leader at its place.
  public init(_ modules: [Module], following leaders: [Module]) {
    self.modules = Array(zip(modules, leaders))
    followers = modules.flatMap { $0.parameters() }
    self.leaders = leaders.flatMap { $0.parameters() }
    restart()
    for module in modules { module.freeze() }
  }

  /// Gives the followers the state that the leaders have now.
  public func restart() {
    for (follower, leader) in modules {
      do {
        try follower.load(Dictionary(uniqueKeysWithValues: leader.stateDictionary().map { ($0.name, $0.tensor) }))
      } catch {
        preconditionFailure("MovingAverage: \(error)")
      }
    }
  }

  /// Makes every parameter momentum · itself + (1 − momentum) · the one it follows.
  public func update(momentum: Double) {
    withoutGradients {
      let values = followers.map(\.value)
      Foreach.mul_(values, momentum)
      Foreach.add_(values, leaders.map { $0.value.detached() }, alpha: 1 - momentum)
    }
  }
}

/// The momentum of a moving average that rises to 1 along a cosine, in the last steps hardly following any more (BYOL,
/// section 3.2).
public struct CosineMomentum: Sendable {
  /// At the first step, 0…1.
  public let base: Double

  public init(from base: Double) { self.base = base }

  public func value(at position: StepPosition) -> Double {
    1 - (1 - base) * (cos(.pi * position.progress) + 1) / 2
  }
}
