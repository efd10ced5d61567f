import Encoders
import Foundation
import Methods
import Pretraining
import TestSupport
import Testing
import Torch
import TorchNN

/// How far embeddings spread, and what a run says of it.
@Suite struct EmbeddingSpreadTests {
  private static func diagonal(_ values: [Double]) -> Tensor {
    let rows = Tensor.zeros([values.count, values.count], dtype: .float64)
    for (place, value) in values.enumerated() { rows.select(0, place).select(0, place).fill_(value) }
    return rows
  }

  @Test("RankMe is the exponential of the entropy of the singular values' shares")
  func rank() {
    #expect((EmbeddingSpread(of: Self.diagonal([1, 1, 1, 1, 1])).rankMe - 5).magnitude < 1e-4)
    // A half and two quarters have an entropy of 1.5 bits.
    #expect((EmbeddingSpread(of: Self.diagonal([2, 1, 1])).rankMe - pow(2, 1.5)).magnitude < 1e-4)
    let wide = Tensor.concatenate([Self.diagonal([2, 1, 1]), Tensor.zeros([3, 4], dtype: .float64)], dimension: 1)
    for rows in [wide, wide.transposed()] {
      let spread = EmbeddingSpread(of: rows)
      #expect((spread.rankMe - pow(2, 1.5)).magnitude < 1e-4 && spread.largestRank == 3)
    }
  }

  @Test("the deviation is 0 where all embeddings are the same, and 1 where they lie all over the sphere")
  func deviation() {
    let same = EmbeddingSpread(of: Tensor.pattern("row", [1, 16]).expanded([32, 16]).contiguous())
    #expect(same.deviation < 1e-6 && same.isCollapsed && (same.rankMe - 1).magnitude < 1e-4)
    let everywhere = EmbeddingSpread(of: Tensor.randn([512, 16], generator: Generator(seed: 1)))
    #expect((everywhere.deviation - 1).magnitude < 0.05 && !everywhere.isCollapsed)
    #expect(everywhere.rankMe > 15 && everywhere.rankMe < 16)
    // Lengths do not count.
    let longer = EmbeddingSpread(of: Tensor.randn([512, 16], generator: Generator(seed: 1)) * 1000)
    #expect((longer.deviation - everywhere.deviation).magnitude < 1e-6)
  }

  /// Nothing drives its embeddings apart, and all of them are the same from the start.
  private final class Collapsed: Module, PretrainingMethod {
    let encoder: any ImageEncoder

    init(_ encoder: any ImageEncoder) { self.encoder = encoder }

    func embed(_ images: Tensor, view: Int) -> [Tensor] { [encoder(images) * 1e-9 + 1] }

    func contrast(_ views: [ViewEmbeddings], globalCount: Int) -> Tensor {
      (views[0].embeddings[0] - views[1].embeddings[0]).pow(2).sum()
    }
  }

  private func figures(_ run: RunFolder) throws -> [(step: Int, rank: Double?, deviation: Double?)] {
    try String(contentsOf: run.metricsURL, encoding: .utf8).split(separator: "\n").compactMap { line in
      guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        let step = object["step"] as? Int, object["loss"] != nil
      else { return nil }
      return (step, object["rank_me"] as? Double, object["embedding_deviation"] as? Double)
    }
  }

  @Test("a run measures the spread every so many steps, and warns once of a collapse")
  func warning() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("collapsed")
    var warnings: [String] = []
    let configuration = try fixture.configuration(
      "method.name=custom", "output.spread_every_steps=2", "output.log_every_steps=3", "training.epochs=4")
    _ = try Pretraining.start(configuration, in: run, method: { Collapsed($0.makeEncoder()) }).train { event in
      if case .warning(let text) = event { warnings.append(text) }
    }
    #expect(warnings.count == 1)
    #expect(
      warnings.first?.hasPrefix("at step 2 all images have nearly the same embedding (deviation 0.000 of 1") == true)
    let lines = try figures(run)
    #expect(lines.map(\.step) == [2, 3, 4, 6, 8, 9, 10, 12])
    #expect(
      lines.allSatisfy { ($0.rank != nil) == $0.step.isMultiple(of: 2) && ($0.rank == nil) == ($0.deviation == nil) })
  }

  @Test("a run that learns says how far its embeddings spread, and warns of nothing", arguments: ["1", "2"])
  func learning(parts: String) throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("learning")
    var warnings: [String] = []
    let configuration = try fixture.configuration(
      "output.spread_every_steps=3", "training.epochs=1", "training.accumulation_steps=\(parts)")
    _ = try Pretraining.start(configuration, in: run).train { event in
      if case .warning(let text) = event { warnings.append(text) }
    }
    #expect(warnings.isEmpty)
    let lines = try figures(run)
    #expect(lines.map { $0.rank != nil } == [false, false, true])
    // Eight images of eight dimensions.
    #expect(try #require(lines.last?.rank) > 1.5 && lines.last!.rank! <= 8.01)
    #expect(try #require(lines.last?.deviation) > 0.1)
  }
}
