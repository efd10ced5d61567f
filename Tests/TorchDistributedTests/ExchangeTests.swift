import TestSupport
import Testing
import Torch
import TorchDistributed

@Suite struct ExchangeTests {
  @Test("all-reduce, all-gather and broadcast give every rank the same", arguments: 1...4)
  func collectives(size: Int) throws {
    let results = try withRanks(size) { world in
      let rank = Double(world.rank)
      let sum = Tensor([rank + 1, 10 * rank])
      let (least, most) = (Tensor([rank - 1]), Tensor([rank - 1]))
      try world.group.allReduce(sum)
      try world.group.allReduce(least, .minimum)
      try world.group.allReduce(most, .maximum)
      let gathered = try world.group.allGather(Tensor([rank, -rank], shape: [1, 2]))
      let sent = Tensor([rank])
      try world.group.broadcast(sent, from: world.size - 1)
      return [sum, least, most, gathered, sent].map { $0.array(of: Double.self) }
    }
    let ranks = (0..<size).map(Double.init)
    let expected: [[Double]] = [
      [ranks.map { $0 + 1 }.reduce(0, +), ranks.map { 10 * $0 }.reduce(0, +)], [-1], [Double(size) - 2],
      ranks.flatMap { [$0, -$0] }, [Double(size) - 1],
    ]
    #expect(results.allSatisfy { $0 == expected })
  }

  @Test("tensors too large to be sent directly are reduced and gathered alike", arguments: [2, 3])
  func largeTensors(size: Int) throws {
    let results = try withRanks(size) { world in
      let values = Tensor.pattern("values \(world.rank)", [20_000])
      let sum = values.clone()
      try world.group.allReduce(sum)
      return [sum, try world.group.allGather(values.unsqueezed(0))].map { $0.array(of: Float.self) }
    }
    let values = (0..<size).map { Tensor.pattern("values \($0)", [20_000]) }
    let sum = values.dropFirst().reduce(values[0]) { $0 + $1 }
    for result in results {
      #expect(Tensor(result[0]).largestDifference(from: sum) < 1e-6)
      #expect(result[1] == values.flatMap { $0.array(of: Float.self) })
      #expect(result[0] == results[0][0])
    }
  }

  @Test("a tensor that is not contiguous is reduced as what it is", arguments: [2, 3])
  func channelsLast(size: Int) throws {
    let results = try withRanks(size) { world in
      let images = Tensor.pattern("images", [2, 3, 4, 5]).channelsLast()
      try world.group.allReduce(images)
      return images.array(of: Float.self)
    }
    let expected = (Tensor.pattern("images", [2, 3, 4, 5]) * Double(size)).array(of: Float.self)
    #expect(results.allSatisfy { $0 == expected })
  }

  @Test("what crosses is counted as a ring sends it, and small tensors as sent to each")
  func sentBytes() throws {
    let counts = try withRanks(3) { world in
      let before = world.group.sentBytes
      try world.group.allReduce(Tensor.zeros([30_000]))
      let reduced = world.group.sentBytes - before
      _ = try world.gradients.allGather(Tensor.zeros([5, 2]))
      return [reduced, world.group.sentBytes - before - reduced]
    }
    // Of 120,000 bytes a third leaves four times; of 40 bytes all leave twice.
    #expect(counts.allSatisfy { $0 == [160_000, 80] })
  }

  @Test("the gradient of a gathered tensor is the sum of what every rank finds for its part", arguments: 1...4)
  func gatherGradient(size: Int) throws {
    let gradients = try withRanks(size) { world in
      let part = Tensor([Double(world.rank)], shape: [1, 1]).requireGradient()
      let all = world.group.gather(part)
      // Rank r weighs the part of rank p with (r + 1) · 10^p.
      let weights = Tensor((0..<size).map { Double(world.rank + 1) * Self.powerOfTen($0) }, shape: [size, 1])
      (all * weights).sum().backward()
      return part.gradient!.item()
    }
    let total = Double(size * (size + 1) / 2)
    #expect(gradients == (0..<size).map { total * Self.powerOfTen($0) })
  }

  private static func powerOfTen(_ exponent: Int) -> Double { (0..<exponent).reduce(1) { power, _ in power * 10 } }

  @Test("texts of any length are gathered by rank", arguments: 1...4)
  func texts(size: Int) throws {
    let results = try withRanks(size) { try $0.gather(String(repeating: "é", count: $0.rank * 3)) }
    let expected = (0..<size).map { String(repeating: "é", count: $0 * 3) }
    #expect(results.allSatisfy { $0 == expected })
    #expect(try withRanks(size) { try $0.gather("") }.allSatisfy { $0 == Array(repeating: "", count: size) })
  }
}
