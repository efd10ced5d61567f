import Methods
import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

/// SimSiam, MoCo v3 and NNCLR beside Fixtures/prediction.py, which has their papers' algorithms, and lightly's loss of SimSiam.
@Suite struct PredictionTests {
  private static let names = ["simsiam", "moco_v3", "nnclr"]

  private static func predictor(_ dimension: Int, _ generator: Generator) -> ProjectionHead {
    ProjectionHead(dimensions: [dimension, 4, dimension], normalization: .hidden, generator: generator)
  }

  private static func simSiam(constantRate: Bool = true, dimension: Int = 8, over group: ProcessGroup = .single())
    -> SimSiam
  {
    let generator = Generator(seed: 3)
    let network = tinyNetwork(generator, dimension: dimension, normalization: .standardizing)
    return SimSiam(
      network: network, predictor: predictor(dimension, generator), hasConstantPredictorRate: constantRate, over: group)
  }

  private static func mocoV3(momentum: Double = 0.9, dimension: Int = 8, over group: ProcessGroup = .single()) -> MoCoV3
  {
    let generator = Generator(seed: 3)
    func network() -> EmbeddingNetwork { tinyNetwork(generator, dimension: dimension, normalization: .standardizing) }
    return MoCoV3(
      network: network(), keyNetwork: network(), predictor: predictor(dimension, generator), temperature: 0.2,
      baseMomentum: momentum, over: group)
  }

  private static func nnclr(queue: Int = 12, dimension: Int = 8, over group: ProcessGroup = .single()) -> NNCLR {
    let generator = Generator(seed: 3)
    let network = tinyNetwork(generator, dimension: dimension, normalization: .all)
    let method = NNCLR(
      network: network, predictor: predictor(dimension, generator), queueLength: queue, temperature: 0.2,
      generator: generator, over: group)
    method.move(to: .cpu, dtype: .float64, channelsLast: true)
    return method
  }

  @Test("values and gradients are the papers', of one to four processes together", arguments: names, 1...4)
  func parity(name: String, processes: Int) throws {
    let tensors = try Fixture().tensors("prediction")
    let cases: [String: [String: Double]] = try Fixture().jsonWithItsKeys("prediction")
    #expect(cases.count == 2)
    for (key, losses) in cases {
      @Sendable func rows(_ part: String) -> Tensor { tensors["\(key)/\(part)"]!.to(.float64) }
      let views = (0..<2).map { view in
        let (prediction, predicted) = (rows("prediction.\(view)"), rows("predicted.\(view)"))
        return name == "moco_v3"
          ? ViewEmbeddings([prediction], targets: [predicted]) : ViewEmbeddings([prediction, predicted])
      }
      let found = try contrasted(views, by: processes) { group in
        switch name {
        case "simsiam": return Self.simSiam(over: group)
        case "moco_v3": return Self.mocoV3(over: group)
        default:
          let queue = Functional.normalize(rows("queue"))
          let method = Self.nnclr(queue: queue.shape[0], dimension: queue.shape[1], over: group)
          method.queue.value.copy_(queue)
          return method
        }
      }
      let wanted = try #require(losses[name])
      #expect((found.loss - wanted).magnitude <= 1e-12, "\(key)")
      for view in 0..<2 {
        let reference = rows("\(name)/gradient.\(view)")
        #expect(found.gradients[view].largestDifference(from: reference) <= 1e-7 * reference.largestMagnitude, "\(key)")
      }
    }
  }

  @Test("local views predict every global view, and nobody predicts them", arguments: names)
  func localViews(name: String) {
    let method: any PretrainingMethod =
      switch name {
      case "simsiam": Self.simSiam()
      case "moco_v3": Self.mocoV3()
      default: Self.nnclr()
      }
    let rows = (0..<6).map { Tensor.pattern("rows \($0)", [4, 8]).to(.float64) }
    func view(_ prediction: Int, _ predicted: Int) -> ViewEmbeddings {
      ViewEmbeddings([rows[prediction], rows[predicted]], targets: [rows[predicted]])
    }
    func loss(_ views: [ViewEmbeddings]) -> Double { method.contrast(views, globalCount: 2).item() }
    let whole = loss([view(0, 3), view(1, 4), view(2, 5)])
    // Prediction 2 takes the place of one and of the other, and what local views embed does not count.
    let (both, first, second) = (
      loss([view(0, 3), view(1, 4)]), loss([view(2, 3), view(1, 4)]), loss([view(0, 3), view(2, 4)])
    )
    #expect((whole - (first + second) / 2).magnitude < 1e-12)
    #expect((whole - both).magnitude > 1e-3)
  }

  @Test("what is predicted has no gradient in SimSiam, and all of the network has one")
  func stopsGradient() throws {
    let method = Self.simSiam()
    let views = (0..<2).map { view in
      ViewEmbeddings((0..<2).map { Tensor.pattern("rows \(view) \($0)", [4, 8]).requireGradient() })
    }
    method.contrast(views, globalCount: 2).backward()
    #expect(views.allSatisfy { $0.embeddings[0].gradient != nil && $0.embeddings[1].gradient == nil })
    let images = (0..<2).map { Tensor.pattern("images \($0)", [4, 3, 16, 16]).channelsLast() }
    method.contrast(images.enumerated().map { ViewEmbeddings(method.embed($1, view: $0)) }, globalCount: 2).backward()
    #expect(method.parameters().allSatisfy { $0.gradient != nil })
  }

  @Test("SimSiam's predictor learns at the peak of the rate, unless it is not to")
  func predictorRate() {
    for isConstant in [true, false] {
      let method = Self.simSiam(constantRate: isConstant)
      for (name, _) in method.trainedParameters() {
        let rate = method.learningRateRule(ofParameter: name).rate(scheduled: 0.1, peak: 0.5)
        #expect(rate == (isConstant && name.hasPrefix("predictor.") ? 0.5 : 0.1), "\(name)")
      }
    }
  }

  @Test("projections end in BatchNorm without scale and shift: mean 0 and variance 1")
  func standardized() {
    let method = Self.simSiam()
    let names = method.stateDictionary().map(\.name)
    #expect(names.contains("projection_head.layers.4.running_mean"))
    #expect(!names.contains("projection_head.layers.4.weight") && names.contains("projection_head.layers.1.weight"))
    let embeddings = method.embed(Tensor.pattern("images", [16, 3, 16, 16]).channelsLast(), view: 0)[1]
    #expect(embeddings.mean(0).largestMagnitude < 1e-5)
    #expect((embeddings.variance(0, correction: 0) - 1).largestMagnitude < 1e-3)
  }

  @Test("first embeddings of all processes enter NNCLR's queue after a step, and the oldest leave", arguments: [1, 2])
  func queue(processes: Int) throws {
    let rows = Tensor.pattern("embeddings", [4, 8]).to(.float64)
    let queues = try withRanks(processes) { world in
      let method = Self.nnclr(over: world.group)
      let before = method.queue.value.clone()
      let own = rows.narrow(0, world.rank * 4 / processes..<(world.rank + 1) * 4 / processes)
      _ = method.contrast([ViewEmbeddings([own, own]), ViewEmbeddings([own, own * 2 + 1])], globalCount: 2)
      #expect(method.queue.value.isIdentical(to: before), "a step that is skipped leaves the queue")
      method.finishStep(at: StepPosition(step: 0, of: 1))
      return (before: before, after: method.queue.value)
    }
    for queue in queues {
      #expect(queue.after.narrow(0, 0..<8).isIdentical(to: queue.before.narrow(0, 4..<12)))
      #expect(queue.after.narrow(0, 8..<12).largestDifference(from: Functional.normalize(rows)) < 1e-15)
    }
  }

  @Test("MoCo v3's network of the keys is frozen and follows by a momentum that rises to 1")
  func keys() {
    let method = Self.mocoV3(momentum: 0.75)
    method.move(to: .cpu, dtype: .float64, channelsLast: true)
    #expect(method.trainedParameters().allSatisfy { !$0.name.hasPrefix("key_") })
    for (progress, share) in [(0, 0.25), (5, 0.125), (10, 0)] {
      let before = method.keyEncoder.parameters().map { $0.value.clone() }
      let leaders = method.encoder.parameters()
      withoutGradients { for (old, leader) in zip(before, leaders) { leader.value.copy_(old + 1) } }
      method.finishStep(at: StepPosition(step: progress, of: 10))
      for (old, new) in zip(before, method.keyEncoder.parameters()) {
        #expect((new.value - old - share).norm().item() < 1e-12 * Double(old.count))
      }
    }
  }

  @Test("what is counted is what is sent", arguments: ["moco_v3", "nnclr"])
  func traffic(name: String) throws {
    let counts = try withRanks(3) { world in
      let method: any PretrainingMethod =
        name == "nnclr" ? Self.nnclr(over: world.group) : Self.mocoV3(over: world.group)
      let before = world.group.sentBytes
      let rows = (0..<2).map { Tensor.pattern("view \($0)", [4, 8]).to(.float64) }
      _ = method.contrast(rows.map { ViewEmbeddings([$0, $0], targets: [$0]) }, globalCount: 2)
      method.finishStep(at: StepPosition(step: 0, of: 1))
      let exchange = method.contrastExchange(views: 2, globalBatchSize: 12)
      return (sent: world.group.sentBytes - before, counted: 2 * 8 * (exchange.gathered + exchange.collected) / 3)
    }
    for count in counts { #expect(count.sent == count.counted && count.sent > 0) }
  }
}
