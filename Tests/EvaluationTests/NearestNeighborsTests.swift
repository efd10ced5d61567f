import Evaluation
import TestSupport
import Testing
import Torch

@Suite("Nearest neighbors")
struct NearestNeighborsTests {
  @Test("every class score, prediction and accuracy equals the reference's")
  func parity() throws {
    let fixture = try EvaluationFixture()
    let scores = try NearestNeighbors().scores(train: fixture.train, test: fixture.test)
    // Cosines in float32 are off by up to 2⁻²², and the temperature makes ten times that of them.
    #expect(greatestDifference(scores, fixture["knn.scores"]) < 2e-6)
    #expect(scores.argmax(1).array(of: Int.self) == fixture["knn.predicted"].array(of: Int.self))
    let accuracy = try NearestNeighbors().accuracy(train: fixture.train, test: fixture.test)
    #expect(abs(accuracy.top1 - fixture.accuracy("knn").top1) < 1e-9)
    #expect(abs(accuracy.top5 - fixture.accuracy("knn").top5) < 1e-9)
  }

  @Test("with k = 1 an image gets the class of the most similar one, whatever its length")
  func singleNeighbor() throws {
    let train = Features(
      values: Tensor([100, 1, 0, 0.1] as [Float], shape: [2, 2]), labels: [0, 1], sampleIndices: [0, 1])
    let test = Features(
      values: Tensor([1, 0.5, 1, 3] as [Float], shape: [2, 2]), labels: [0, 1], sampleIndices: [0, 1])
    let scores = try NearestNeighbors(k: 1).scores(train: train, test: test)
    #expect(scores.array(of: Float.self) == [1, 0, 0, 1])
    #expect(try NearestNeighbors(k: 1).accuracy(train: train, test: test) == Accuracy(top1: 100, top5: 100))
  }

  @Test("more neighbors than train images means that all of them vote")
  func allNeighbors() throws {
    let fixture = try EvaluationFixture()
    let all = try NearestNeighbors(k: 350).scores(train: fixture.train, test: fixture.test)
    let more = try NearestNeighbors(k: 1_000_000).scores(train: fixture.train, test: fixture.test)
    #expect(all.isIdentical(to: more))
    #expect(greatestDifference(all.sum(1), Tensor.ones([140])) < 1e-5)
  }

  @Test("a very low temperature neither overflows nor loses the nearest neighbor")
  func lowTemperature() throws {
    let fixture = try EvaluationFixture()
    let cold = try NearestNeighbors(k: 20, temperature: 1e-12).scores(train: fixture.train, test: fixture.test)
    let nearest = try NearestNeighbors(k: 1).scores(train: fixture.train, test: fixture.test)
    #expect(cold.isIdentical(to: nearest))
  }

  @Test("blocks of test and of train images give the scores that each image gives alone")
  func blocks() throws {
    // Two blocks of test images, and three of train images.
    let labels = (0..<33_000).map { $0 % 3 }
    let train = Features(
      values: Tensor.randn([labels.count, 8], generator: Generator(seed: 1)), labels: labels,
      sampleIndices: Array(labels.indices))
    let test = Features(
      values: Tensor.randn([1030, 8], generator: Generator(seed: 2)), labels: [Int](repeating: 0, count: 1030),
      sampleIndices: Array(0..<1030))
    var progress: [Int] = []
    _ = try NearestNeighbors().judge(train: train, test: test) { done, _ in progress.append(done) }
    #expect(progress == [1024, 1030])
    let together = try NearestNeighbors(temperature: 10).scores(train: train, test: test)
    let rows = Functional.normalize(train.values.to(.float64))
    for index in [0, 1023, 1024, 1029] {
      let one = test.values.narrow(0, index..<index + 1)
      let nearest = Functional.normalize(one.to(.float64)).matmul(rows.transposed()).topk(20)
      let votes = Functional.softmax(nearest.values / 10).array(of: Double.self)
      var expected = [0.0, 0, 0]
      for (place, vote) in zip(nearest.indices.array(of: Int.self), votes) { expected[labels[place]] += vote }
      #expect(greatestDifference(Tensor(expected, shape: [1, 3]), together.narrow(0, index..<index + 1)) < 1e-6)
    }
  }

  @Test("k and temperature are chosen by what they make of train images held out")
  func choosing() throws {
    let fixture = try EvaluationFixture()
    let (settings, choice) = try NearestNeighbors.choose(on: fixture.train, seed: 1)
    #expect(choice.heldOutCount == 35 && choice.candidates.count == NearestNeighbors.candidates.count)
    let best = choice.candidates.map(\.top1).max()!
    let first = choice.candidates.first { $0.top1 == best }!
    #expect(first.values == ["k": Double(settings.k), "temperature": settings.temperature])
    // Every tenth image is held out, of every class five; the neighbors of the others are not among them.
    let lonely = try NearestNeighbors.choose(
      among: [NearestNeighbors(k: 1)], on: twoClasses(perClass: 2), seed: 0
    ).choice
    #expect(lonely.heldOutCount == 2 && lonely.candidates[0].top1 == 100)
    #expect(
      message { _ = try NearestNeighbors.choose(among: [NearestNeighbors(k: 0)], on: fixture.train, seed: 0) }
        == "nearest neighbors: expected k of at least 1, got 0")
  }

  @Test("of classes with equal scores the lower number comes first, so that a tie wins nothing")
  func ties() {
    let scores = Tensor([0.5, 0.5, 0, 0, 0, 0, 0] as [Float], shape: [1, 7])
    #expect(Accuracy(scores: scores, labels: [0]) == Accuracy(top1: 100, top5: 100))
    #expect(Accuracy(scores: scores, labels: [1]) == Accuracy(top1: 0, top5: 100))
    #expect(Accuracy(scores: scores, labels: [4]) == Accuracy(top1: 0, top5: 100))
    #expect(Accuracy(scores: scores, labels: [5]) == Accuracy(top1: 0, top5: 0))
    let damaged = Tensor([.nan, 1] as [Float], shape: [1, 2])
    #expect(Accuracy(scores: damaged, labels: [0]).top1 == 0)
  }

  @Test("k and temperature out of range are refused in one line")
  func badSettings() {
    let (train, test) = (twoClasses(perClass: 3), twoClasses(perClass: 1))
    #expect(
      message { _ = try NearestNeighbors(k: 0).accuracy(train: train, test: test) }
        == "nearest neighbors: expected k of at least 1, got 0")
    #expect(
      message { _ = try NearestNeighbors(temperature: 0).accuracy(train: train, test: test) }
        == "nearest neighbors: expected a temperature above 0, got 0.0")
  }
}
