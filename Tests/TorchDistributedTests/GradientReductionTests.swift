import TestSupport
import Testing
import Torch
import TorchDistributed
import TorchNN

@Suite struct GradientReductionTests {
  /// Two layers, and one that the output does not need unless asked.
  final class Net: Module {
    let first = Linear(6, 5, generator: Generator(seed: 1))
    let second = Linear(5, 3, generator: Generator(seed: 2))
    let spare = Linear(5, 3, generator: Generator(seed: 3))
    var usesSpare = true

    override func callAsFunction(_ input: Tensor) -> Tensor {
      let hidden = first(input).relu()
      return usesSpare ? second(hidden) + spare(hidden) : second(hidden)
    }
  }

  private static let input = Tensor.pattern("input", [12, 6])

  /// The gradients of the sum of squares over this rank's part of the input.
  private static func gradients(
    in world: World, parts: Int = 1, usesSpare: Bool = true, by make: (Net) throws -> any GradientReduction
  ) throws -> [[Float]] {
    let net = Net()
    net.usesSpare = usesSpare
    let reduction = try make(net)
    let length = input.shape[0] / (world.size * parts)
    for part in 0..<parts {
      let start = (part * world.size + world.rank) * length
      let loss = net(input.narrow(0, start..<start + length)).pow(2).sum()
      if part < parts - 1 { loss.backward() } else { try reduction.backward(from: loss, nil) }
    }
    return net.parameters().map { $0.gradient?.array(of: Float.self) ?? [] }
  }

  private static func alone(usesSpare: Bool = true) throws -> [[Float]] {
    try gradients(in: .alone(), usesSpare: usesSpare) { _ in NoReduction() }
  }

  private static func bucketed(
    _ net: Net, _ world: World, _ change: (inout BucketedReduction.Options) -> Void = { _ in }
  )
    throws -> BucketedReduction
  {
    var options = BucketedReduction.Options()
    // Several buckets even of this small network.
    (options.bucketBytes, options.firstBucketBytes) = (100, 40)
    change(&options)
    return try BucketedReduction(net.namedParameters(), over: world.gradients, options: options)
  }

  private func expectClose(_ ours: [[Float]], _ theirs: [[Float]], tolerance: Float = 1e-5) {
    #expect(ours.map(\.count) == theirs.map(\.count))
    for (a, b) in zip(ours, theirs) {
      let scale = Swift.max(1e-3, b.map(\.magnitude).max() ?? 0)
      #expect(zip(a, b).allSatisfy { ($0 - $1).magnitude <= tolerance * scale })
    }
  }

  @Test("buckets and the plain all-reduce add up to the gradients of one process", arguments: [2, 3, 4])
  func sums(size: Int) throws {
    let expected = try Self.alone()
    for gradients in try withRanks(size, { w in try Self.gradients(in: w) { try Self.bucketed($0, w) } }) {
      expectClose(gradients, expected)
    }
    let plain = try withRanks(size) { world in
      try Self.gradients(in: world) { ReductionAfterBackward($0.parameters(), over: world.gradients) }
    }
    for gradients in plain { expectClose(gradients, expected) }
  }

  @Test("every rank has the same bits, and has them again in the next step", arguments: [3])
  func sameBits(size: Int) throws {
    let steps = try withRanks(size) { world in
      let net = Net()
      let reduction = try Self.bucketed(net, world)
      return try (0..<3).map { _ in
        for parameter in net.parameters() { parameter.value.gradient = nil }
        let loss = net(Self.input.narrow(0, world.rank * 4..<world.rank * 4 + 4)).pow(2).sum()
        try reduction.backward(from: loss, nil)
        return net.parameters().map { $0.gradient!.array(of: Float.self) }
      }
    }
    let first = steps[0][0]
    #expect(steps.allSatisfy { $0.allSatisfy { $0 == first } })
  }

  @Test("gradients accumulated before the last part are in the sum", arguments: [2, 3])
  func accumulation(size: Int) throws {
    let expected = try Self.alone()
    let ours = try withRanks(size) { w in try Self.gradients(in: w, parts: 2) { try Self.bucketed($0, w) } }
    for gradients in ours { expectClose(gradients, expected) }
  }

  @Test("gradients sent as bfloat16 have its precision")
  func compression() throws {
    let expected = try Self.alone()
    let ours = try withRanks(2) { world in
      try Self.gradients(in: world) { try Self.bucketed($0, world) { $0.compressesToBFloat16 = true } }
    }
    for gradients in ours {
      expectClose(gradients, expected, tolerance: 1 / 64)
      #expect(gradients != expected)
    }
  }

  @Test("parameters that take no part are found when asked for")
  func unused() throws {
    let expected = try Self.alone(usesSpare: false)
    let ours = try withRanks(2) { world in
      try Self.gradients(in: world, usesSpare: false) {
        try Self.bucketed($0, world) { $0.findsUnusedParameters = true }
      }
    }
    for gradients in ours { expectClose(Array(gradients.prefix(4)), Array(expected.prefix(4))) }
  }

  @Test("the buckets' memory does not grow with the steps")
  func steadyMemory() throws {
    // What was kept for each parameter in each step would be 200 × 1,500 × 16 bytes on each rank.
    let growth = try withRanks(2) { world in
      let parameters = (0..<200).map { ("\($0)", Parameter(Tensor.zeros([1]))) }
      let reduction = try BucketedReduction(parameters, over: world.gradients, options: .init())
      var early = 0
      for step in 0..<2000 {
        if step == 500 { early = residentBytes() }
        for (_, parameter) in parameters { parameter.value.gradient = nil }
        try reduction.backward(from: Tensor.concatenate(parameters.map(\.1.value)).sum(), nil)
      }
      return residentBytes() - early
    }
    #expect(growth.allSatisfy { $0 < 3 << 20 }, "grew by \(growth) bytes")
  }
}
