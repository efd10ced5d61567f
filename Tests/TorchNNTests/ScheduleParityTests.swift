import TestSupport
import Testing
import TorchNN

/// Fixtures/schedules.py computes the rates and checks them against torch.optim.lr_scheduler.
@Suite struct ScheduleParityTests {
  private struct Expected: Decodable {
    struct Curve: Decodable {
      let peak: Double
      let warmUpSteps: Int
      let totalSteps: Int
      let rates: [Double]
    }
    struct Scaling: Decodable {
      let base: Double
      let batchSize: Int
      let rate: Double
    }
    let warmUpCosine: [Curve]
    let linearScaling: [Scaling]
    let sqrtScaling: [Scaling]
  }

  private let expected: Expected

  init() throws { expected = try Fixture().json("schedules") }

  @Test("warm-up and cosine give the authors' rate at every step, to 1e-14 of the peak")
  func warmUpCosine() {
    #expect(expected.warmUpCosine.count == 6)
    for curve in expected.warmUpCosine {
      let schedule = LearningRateSchedule(
        peak: curve.peak, warmupSteps: curve.warmUpSteps, totalSteps: curve.totalSteps)
      #expect(curve.rates.count == curve.totalSteps)
      for (step, rate) in curve.rates.enumerated() {
        #expect(abs(schedule.learningRate(step: step) - rate) <= 1e-14 * curve.peak, "step \(step) of \(schedule)")
      }
    }
  }

  @Test("the rate is 0 once the last step is done")
  func end() {
    let schedule = LearningRateSchedule(peak: 0.3, warmupSteps: 10, totalSteps: 100)
    #expect(schedule.learningRate(step: 100) == 0)
    #expect(schedule.learningRate(step: 1000) == 0)
  }

  @Test("the peak grows linearly or with the square root of the global batch")
  func scaling() {
    for (scaling, rows) in [
      (LearningRateScaling.linear, expected.linearScaling), (.squareRoot, expected.sqrtScaling),
    ] {
      #expect(rows.count == 7)
      for row in rows {
        let peak = scaling.peak(of: row.base, globalBatchSize: row.batchSize)
        #expect(abs(peak - row.rate) <= 1e-15 * row.rate, "\(scaling), batch \(row.batchSize)")
      }
    }
    #expect(LearningRateScaling.none.peak(of: 0.06, globalBatchSize: 512) == 0.06)
  }
}
