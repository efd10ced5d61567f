/// How the learning rate of a parameter follows from that of a step: most parameters have the step's own.
public struct LearningRateRule: Hashable, Sendable {
  /// What the rate is multiplied by; above 0.
  public var factor: Double
  /// Whether the parameter has the schedule's peak all the time, as SimSiam's predictor has.
  public var isConstant: Bool

  /// That of the step.
  public static let scheduled = LearningRateRule()

  public init(factor: Double = 1, isConstant: Bool = false) {
    precondition(factor > 0, "LearningRateRule: expected a factor above 0, got \(factor)")
    (self.factor, self.isConstant) = (factor, isConstant)
  }

  /// The rate of a step.
  ///
  /// - Parameters:
  ///   - scheduled: what the schedule says.
  ///   - peak: the most that the schedule ever says.
  public func rate(scheduled: Double, peak: Double) -> Double { (isConstant ? peak : scheduled) * factor }
}
