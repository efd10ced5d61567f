import Methods
import TestSupport
import Testing
import Torch

/// Fixtures/ntxent.py writes the loss and its gradient out in float64 and checks them against lightly's NTXentLoss.
@Suite struct NTXentParityTests {
  private struct Case: Decodable {
    let pairs: Int
    let dimension: Int
    let losses: [String: Double]
  }

  private let cases: [String: Case]
  private let tensors: [String: Tensor]

  init() throws {
    cases = try Fixture().json("ntxent")
    tensors = try Fixture().tensors("ntxent")
  }

  private static let names = [
    "pairs-2-4", "pairs-3-5", "pairs-8-16", "pairs-33-32", "bfloat16", "identical", "aligned", "opposed", "huge",
    "tiny",
    "mixed", "zero-row", "single-pair",
  ]

  @Test("every case of the fixture is tried")
  func complete() { #expect(Set(cases.keys) == Set(Self.names)) }

  @Test(
    "value and gradient equal the reference in float32, to rounding, from temperature 0.05 to 1 and at extremes",
    arguments: names)
  func float32(name: String) throws {
    try compare(name, .float32, lossTolerance: Self.rounding, gradientTolerance: 1e-5)
  }

  @Test("value and gradient equal the reference in float64", arguments: names)
  func float64(name: String) throws {
    // The fixture's gradients are stored as float32.
    try compare(name, .float64, lossTolerance: { _, _ in 1e-12 }, gradientTolerance: 1e-7)
  }

  @Test("bfloat16 projections give the reference's value: the loss is computed in float32")
  func bfloat16() throws {
    for (temperature, expected) in try #require(cases["bfloat16"]).losses {
      let loss = NTXentLoss(temperature: Double(temperature)!)(
        tensors["bfloat16/first"]!.to(.bfloat16), tensors["bfloat16/second"]!.to(.bfloat16))
      let tolerance = Self.rounding(temperature: Double(temperature)!, loss: expected)
      #expect((loss.item() - expected).magnitude <= tolerance, "temperature \(temperature)")
    }
  }

  /// Fixtures/multicrop.py: the mean over pairs of a global and another view, written out in float64.
  @Test(
    "with local views, value and gradient equal the mean over pairs with a global view",
    arguments: [DType.float32, .float64])
  func multicrop(dtype: DType) throws {
    let cases: [String: MultiCropCase] = try Fixture().json("multicrop")
    let tensors = try Fixture().tensors("multicrop")
    #expect(cases.count == 4)
    for (name, reference) in cases {
      #expect(reference.losses.count == 2)
      for (text, expected) in reference.losses {
        let temperature = try #require(Double(text))
        let views = (0..<reference.views).map { tensors["\(name)/view.\($0)"]!.to(dtype).clone().requireGradient() }
        let loss = NTXentLoss(temperature: temperature)(views, globalCount: reference.globalViews)
        loss.backward()
        let tolerance = dtype == .float64 ? 1e-12 : Self.rounding(temperature: temperature, loss: expected)
        #expect((loss.item() - expected).magnitude <= tolerance, "\(name), temperature \(text)")
        let gradients = (0..<reference.views).map { tensors["\(name)/\(text)/gradient.\($0)"]! }
        let size = gradients.map(\.largestMagnitude).max()!
        for (view, wanted) in zip(views, gradients) {
          let difference = try #require(view.gradient).largestDifference(from: wanted)
          #expect(difference <= (dtype == .float64 ? 1e-7 : 1e-5) * size, "\(name), temperature \(text)")
        }
      }
    }
  }

  private struct MultiCropCase: Decodable {
    let views: Int
    let globalViews: Int
    let losses: [String: Double]
  }

  /// What float32 allows: one rounding of a cosine is 6e-8, which the temperature magnifies, but a loss near 0 does not
  /// depend on its cosines.
  private static func rounding(temperature: Double, loss: Double) -> Double {
    2e-7 * (1 + 2 * min(1, loss) / temperature)
  }

  private func compare(
    _ name: String, _ dtype: DType, lossTolerance: (_ temperature: Double, _ loss: Double) -> Double,
    gradientTolerance: Double
  ) throws {
    let reference = try #require(cases[name])
    #expect(reference.losses.count == 4)
    for (text, expected) in reference.losses {
      let temperature = try #require(Double(text))
      let first = tensors["\(name)/first"]!.to(dtype).clone().requireGradient()
      let second = tensors["\(name)/second"]!.to(dtype).clone().requireGradient()
      #expect(first.shape == [reference.pairs, reference.dimension])
      let loss = NTXentLoss(temperature: temperature)(first, second)
      loss.backward()
      #expect(
        (loss.item() - expected).magnitude <= lossTolerance(temperature, expected), "temperature \(text)")

      var rows: [Row] = []
      for (key, view) in [("first", first), ("second", second)] {
        let gradient = try #require(view.gradient)
        #expect(gradient.isFinite().all(), "temperature \(text)")
        let wanted = tensors["\(name)/\(text)/gradient.\(key)"]!
        rows += (0..<reference.pairs).map { index in
          Row(
            values: view.detached().select(0, index), actual: gradient.select(0, index),
            expected: wanted.select(0, index))
        }
      }
      // A zero row's own gradient is that of ẑ / ε: finite, but without meaning.
      rows.removeAll { $0.norm == 0 }
      // Gradients shrink as rows grow; times the row's norm they are all of one size.
      let size = max(rows.map { $0.expected.largestMagnitude * $0.norm }.max() ?? 0, 0.03)
      for (index, row) in rows.enumerated() {
        let difference = row.actual.largestDifference(from: row.expected) * row.norm
        #expect(difference <= gradientTolerance * size, "row \(index), temperature \(text)")
      }
    }
  }

  private struct Row {
    let values: Tensor
    let actual: Tensor
    let expected: Tensor
    var norm: Double { values.exactNorm }
  }
}
