import Evaluation
import TestSupport
import Testing
import Torch

@Suite("Logistic regression")
struct LogisticRegressionTests {
  @Test("weights, biases and everything judged equal scikit-learn's", arguments: ["0.1", "0.001"])
  func parity(regularization: String) throws {
    let (fixture, expected) = (try EvaluationFixture(), try JudgementFixture.load())
    let settings = LogisticRegression(regularization: Double(regularization)!)
    let (classifier, used, choice) = try settings.train(on: fixture.train, seed: 0)
    #expect(used == settings && choice == nil)
    let weight = Tensor(expected.logistic[regularization]!.weight.flatMap { $0 }, shape: [7, 32])
    #expect(greatestDifference(classifier.weight, weight) < 2e-5)
    let bias = classifier.bias.array(of: Double.self)
    let mean = bias.reduce(0, +) / 7
    #expect(
      greatestDifference(Tensor(bias.map { $0 - mean }), Tensor(expected.logistic[regularization]!.bias)) < 2e-5)
    JudgementTests.check(try classifier.judge(fixture.test), expected.judged[regularization]!)
  }

  @Test("without a regularization the one is taken that does best on train images held out, then all of them teach")
  func choosing() throws {
    let fixture = try EvaluationFixture()
    let (classifier, used, choice) = try LogisticRegression().train(on: fixture.train, seed: 3)
    let candidates = try #require(choice).candidates
    #expect(candidates.map { $0.values["regularization"] } == LogisticRegression.candidates)
    #expect(choice!.heldOutCount == 35)
    let best = candidates.map(\.top1).max()!
    #expect(candidates.first { $0.top1 == best }!.values["regularization"] == used.regularization)
    #expect(candidates.contains { $0.top1 < best })
    let all = try used.train(on: fixture.train, seed: 99).classifier
    #expect(classifier.weight.isIdentical(to: all.weight))
  }

  @Test("candidates go from the strongest to the weakest")
  func candidates() {
    #expect(LogisticRegression.candidates.first == 10 && LogisticRegression.candidates.count == 15)
    #expect(zip(LogisticRegression.candidates, LogisticRegression.candidates.dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test("values out of range and train images of which none can be held out are refused in one line")
  func badSettings() {
    #expect(
      message { _ = try LogisticRegression(regularization: -1).train(on: twoClasses(perClass: 2), seed: 0) }
        == "logistic regression: expected a regularization of at least 0, got -1.0")
    #expect(
      message { _ = try LogisticRegression(maximumIterations: 0).train(on: twoClasses(perClass: 2), seed: 0) }
        == "logistic regression: expected at least 1 iteration, got 0")
    #expect(
      message { _ = try LogisticRegression().train(on: twoClasses(perClass: 1), seed: 0) }
        == "nothing can be chosen on a part of the train images, for no class has two of them: give the values instead")
  }
}
