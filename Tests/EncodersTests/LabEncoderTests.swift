import Encoders
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct LabEncoderTests {
  private struct Colors: Decodable {
    let rgb, lab: [[Double]]
  }

  @Test("L, a and b are scikit-image's, brought into ±1")
  func colors() throws {
    let colors: Colors = try Fixture().jsonWithItsKeys("lab")
    let count = colors.rgb.count
    let (mean, deviation) = ([0.4, 0.5, 0.6], [0.2, 0.25, 0.3])
    let normalized = colors.rgb.map { color in (0..<3).map { (color[$0] - mean[$0]) / deviation[$0] } }
    let images = Tensor(normalized.flatMap { $0 }, shape: [count, 1, 1, 3]).permuted([0, 3, 1, 2])
    let space = LabColorSpace(mean: mean, standardDeviation: deviation)
    let found = space.fromRGB(images).permuted([0, 2, 3, 1]).array(of: Double.self)
    let (middles, halves) = ([50, 6.025, -6.6895], [50, 92.208, 101.1675])
    for (index, wanted) in colors.lab.joined().enumerated() {
      let value = found[index] * halves[index % 3] + middles[index % 3]
      #expect((value - wanted).magnitude < 1e-6, "\(colors.rgb[index / 3])")
    }
    #expect(found.allSatisfy { $0.magnitude < 1.001 })
  }

  @Test("gray has no color, and its lightness grows with it")
  func gray() {
    let levels = Tensor((0..<5).map { Double($0) / 4 }, shape: [5, 1, 1, 1]).expanded([5, 3, 1, 1])
    let space = LabColorSpace(mean: [0, 0, 0], standardDeviation: [1, 1, 1])
    let found = space.fromRGB(levels).permuted([0, 2, 3, 1]).array(of: Double.self)
    let lightness = stride(from: 0, to: 15, by: 3).map { found[$0] }
    #expect(zip(lightness, lightness.dropFirst()).allSatisfy(<) && lightness[0] == -1 && lightness[4] < 1 + 1e-6)
    // The published numbers of white and of the primaries are rounded.
    for (index, middle, half) in [(1, 6.025, 92.208), (2, -6.6895, 101.1675)] {
      #expect(stride(from: index, to: 15, by: 3).allSatisfy { (found[$0] * half + middle).magnitude < 0.02 })
    }
  }

  @Test("the two networks see one and two channels, and their features are joined")
  func joined() {
    let encoder = LabEncoder(
      EncoderSettings(.resnet18, width: 0.0625, stem: .cifar), mean: [0.5, 0.5, 0.5],
      standardDeviation: [0.25, 0.25, 0.25], generator: Generator(seed: 1))
    encoder.evaluate()
    let shapes = Dictionary(uniqueKeysWithValues: encoder.stateDictionary().map { ($0.name, $0.tensor.shape) })
    #expect(shapes["lightness.conv1.weight"] == [4, 1, 3, 3] && shapes["color.conv1.weight"] == [4, 2, 3, 3])
    let images = Tensor.pattern("images", [2, 3, 8, 8])
    let halves = encoder.features(images)
    #expect(encoder.featureCount == 64)
    #expect(
      encoder(images).isIdentical(to: Tensor.concatenate([halves.lightness, halves.color], dimension: 1)))
  }
}
