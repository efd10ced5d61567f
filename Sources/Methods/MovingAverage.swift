import Foundation
import Torch
import TorchNN

/// Modules whose parameters follow those of others: after every step a mean of what they were and of what the others are.
///
/// Running statistics of BatchNorm do not follow; those of a moving average come from its own forward passes.
public struct MovingAverage {
  private let followers: [Parameter]
  private let leaders: [Parameter]

  /// Gives the followers the state of the leaders, and freezes them.
  ///
  /// - Parameter modules: of the same architecture, each as the leader at its place.
  public init(_ modules: [Module], following leaders: [Module]) {
    for (follower, leader) in zip(modules, leaders) {
      let state = Dictionary(uniqueKeysWithValues: leader.stateDictionary().map { ($0.name, $0.tensor) })
      do {
        try follower.load(state)
      } catch {
        preconditionFailure("MovingAverage: \(error)")
      }
      follower.freeze()
    }
    followers = modules.flatMap { $0.parameters() }
    self.leaders = leaders.flatMap { $0.parameters() }
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
