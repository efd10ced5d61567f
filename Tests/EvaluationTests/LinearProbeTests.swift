import Evaluation
import TestSupport
import Testing
import Torch

@Suite("Linear probe")
struct LinearProbeTests {
  @Test("every loss, weight, logit and the accuracy equal the reference's")
  func parity() throws {
    let fixture = try EvaluationFixture()
    let order = fixture["linear.order"]
    let classifier = try LinearProbe(batchSize: 50).train(on: fixture.train, order: { order.select(0, $0) })
    #expect(greatestDifference(classifier.standardization.mean, fixture["linear.mean"]) < 1e-6)
    #expect(
      greatestDifference(classifier.standardization.standardDeviation, fixture["linear.standard_deviation"]) < 1e-6)
    #expect(classifier.losses.count == 70)
    #expect(greatestDifference(Tensor(classifier.losses), fixture["linear.losses"]) < 2e-6)
    #expect(greatestDifference(classifier.weight, fixture["linear.weight"]) < 2e-6)
    #expect(greatestDifference(classifier.bias, fixture["linear.bias"]) < 2e-6)
    let logits = classifier.logits(fixture.test.values)
    #expect(greatestDifference(logits, fixture["linear.logits"]) < 2e-5)
    #expect(logits.argmax(1).array(of: Int.self) == fixture["linear.logits"].argmax(1).array(of: Int.self))
    let accuracy = try classifier.accuracy(on: fixture.test)
    #expect(abs(accuracy.top1 - fixture.accuracy("linear").top1) < 1e-9)
    #expect(abs(accuracy.top5 - fixture.accuracy("linear").top5) < 1e-9)
  }

  @Test("the same seed gives the same bits, another seed other ones")
  func determinism() throws {
    let train = try EvaluationFixture().train
    let first = try LinearProbe(epochs: 2, batchSize: 64).train(on: train, seed: 7)
    let again = try LinearProbe(epochs: 2, batchSize: 64).train(on: train, seed: 7)
    let other = try LinearProbe(epochs: 2, batchSize: 64).train(on: train, seed: 8)
    #expect(first.weight.isIdentical(to: again.weight))
    #expect(first.losses == again.losses)
    #expect(!first.weight.isIdentical(to: other.weight))
  }

  @Test("a batch larger than the data set is one step an epoch; a ragged last batch is trained on too")
  func raggedBatches() throws {
    let train = twoClasses(perClass: 5)
    #expect(try LinearProbe(epochs: 3, batchSize: 4096).train(on: train, seed: 0).losses.count == 3)
    #expect(try LinearProbe(epochs: 3, batchSize: 4).train(on: train, seed: 0).losses.count == 9)
  }

  @Test("separable classes are separated, and the loss falls from log 2")
  func separable() throws {
    var heard: [Int] = []
    let classifier = try LinearProbe(batchSize: 8).train(on: twoClasses(perClass: 16), seed: 1) { done, total, loss in
      heard.append(done)
      #expect(total == 10 && loss.isFinite)
    }
    #expect(heard == Array(1...10))
    #expect(abs(classifier.losses[0] - 0.693147) < 1e-6)
    #expect(classifier.losses.last! < 0.05)
    #expect(try classifier.accuracy(on: twoClasses(perClass: 1)) == Accuracy(top1: 100, top5: 100))
  }

  @Test("the curve has every epoch, its last point is the result, and judging does not disturb training")
  func curve() throws {
    let fixture = try EvaluationFixture()
    let probe = LinearProbe(epochs: 3, batchSize: 64)
    let (judgement, curve) = try probe.judge(train: fixture.train, test: fixture.test, seed: 7)
    let alone = try probe.train(on: fixture.train, seed: 7)
    #expect(try alone.judge(fixture.test) == judgement)
    #expect(curve.map(\.epoch) == [1, 2, 3] && curve.last!.top1 == judgement.accuracy.top1)
    #expect(abs(curve[2].loss - alone.losses[12..<18].reduce(0, +) / 6) < 1e-9)
    let first = try LinearProbe(epochs: 3, batchSize: 64).judge(train: fixture.train, test: fixture.train, seed: 7)
    #expect(first.curve[0].top1 < first.curve[2].top1)
  }

  @Test("a feature that never changes is centered and otherwise left alone")
  func constantFeature() throws {
    let values = Tensor([0.1, 1, 0.1, 3, 0.1, 5] as [Float], shape: [3, 2])
    let standardization = Standardization(
      of: Features(values: values, labels: [0, 1, 0], sampleIndices: [0, 1, 2]))
    #expect(standardization.standardDeviation.array(of: Float.self) == [1, Float((8.0 / 3).squareRoot())])
    #expect(standardization(values).select(1, 0).array(of: Float.self) == [0, 0, 0])
  }

  @Test("features stay as they are when standardizing is off")
  func withoutStandardising() throws {
    let train = twoClasses(perClass: 4)
    let classifier = try LinearProbe(epochs: 1, batchSize: 8, standardizesFeatures: false).train(on: train, seed: 0)
    #expect(classifier.standardization(train.values).isIdentical(to: train.values))
  }

  @Test("weight decay shrinks the weights and leaves the biases")
  func weightDecay() throws {
    let fixture = try EvaluationFixture()
    let order = fixture["linear.order"]
    let free = try LinearProbe(epochs: 1, batchSize: 350).train(on: fixture.train, order: { order.select(0, $0) })
    let pulled = try LinearProbe(epochs: 2, batchSize: 350, weightDecay: 1).train(
      on: fixture.train, order: { order.select(0, $0) })
    let twice = try LinearProbe(epochs: 2, batchSize: 350).train(on: fixture.train, order: { order.select(0, $0) })
    #expect(pulled.weight.norm().item() < twice.weight.norm().item())
    #expect(pulled.losses[0] == free.losses[0])
  }

  @Test("the paper's protocol and SimCLR's are as published")
  func protocols() {
    #expect(
      LinearProbe.paper
        == LinearProbe(epochs: 10, learningRate: 0.1, momentum: 0.9, nesterov: false, batchSize: 256, weightDecay: 0))
    #expect(
      LinearProbe.simclr
        == LinearProbe(epochs: 90, learningRate: 1.6, momentum: 0.9, nesterov: true, batchSize: 4096, weightDecay: 0))
  }

  @Test("values out of range are refused in one line")
  func badSettings() {
    let train = twoClasses(perClass: 2)
    let bad: [(LinearProbe, String)] = [
      (LinearProbe(epochs: 0), "epochs of at least 1, got 0"),
      (LinearProbe(learningRate: -1), "a learning rate above 0, got -1.0"),
      (LinearProbe(momentum: 1), "a momentum of at least 0 and below 1, got 1.0"),
      (LinearProbe(momentum: 0, nesterov: true), "a momentum above 0 for Nesterov's step, got 0.0"),
      (LinearProbe(batchSize: 0), "a batch size of at least 1, got 0"),
      (LinearProbe(weightDecay: .nan), "a weight decay of at least 0, got nan"),
    ]
    for (probe, text) in bad {
      #expect(
        message { _ = try probe.train(on: train, seed: 0) }
          == "linear evaluation: expected \(text)")
    }
  }

  @Test("a loss beyond all bounds ends in a plain line")
  func divergence() throws {
    let train = Features(
      values: twoClasses(perClass: 4).values * 1e30, labels: twoClasses(perClass: 4).labels,
      sampleIndices: Array(0..<8))
    let probe = LinearProbe(epochs: 3, learningRate: 1e10, batchSize: 2, standardizesFeatures: false)
    let error = try #require(throws: EvaluationError.self) { try probe.train(on: train, seed: 0) }
    #expect(error.description.hasPrefix("linear evaluation diverged in epoch 1 of 3. Try a learning rate below"))
  }
}
