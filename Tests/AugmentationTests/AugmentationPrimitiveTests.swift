import Augmentation
import Foundation
import Images
import TestSupport
import Testing

@Suite("Augmentation primitives")
struct AugmentationPrimitiveTests {
  struct Case {
    let operation: String
    let parameters: [Double]
    let image: PixelImage
    let expected: PixelImage
    let name: String
  }

  let fixture: ImageFixture
  let cases: [Case]

  init() throws {
    let fixture = try ImageFixture("augmentation")
    cases = (try fixture.json("cases") as! [[String: Any]]).map { entry in
      Case(
        operation: entry["operation"] as! String,
        parameters: (entry["parameters"] as! [NSNumber]).map(\.doubleValue),
        image: fixture.image(entry["image"] as! String), expected: fixture.image(entry["result"] as! String),
        name: "\(entry["operation"]!) \(entry["parameters"]!) of \(entry["image"]!)")
    }
    self.fixture = fixture
  }

  static func apply(_ test: Case) -> PixelImage {
    var image = test.image
    let parameters = test.parameters
    let integers = parameters.map { Int($0) }
    switch test.operation {
    case "resized_crop", "resized_crop_fixed_point":
      let crop = CropRectangle(top: integers[0], left: integers[1], height: integers[2], width: integers[3])
      return image.resizedCrop(crop, width: integers[4], height: integers[4])
    case "resize", "resize_fixed_point": return image.resized(width: integers[0], height: integers[1])
    case "bicubic_crop":
      let crop = CropRectangle(top: integers[0], left: integers[1], height: integers[2], width: integers[3])
      return image.resizedCrop(crop, width: integers[4], height: integers[4], interpolation: .bicubic)
    case "bicubic_resize": return image.resized(width: integers[0], height: integers[1], interpolation: .bicubic)
    case "flip": image.flipHorizontally()
    case "brightness": image.adjust(.brightness(parameters[0]))
    case "contrast": image.adjust(.contrast(parameters[0]))
    case "saturation": image.adjust(.saturation(parameters[0]))
    case "hue": image.adjust(.hue(parameters[0]))
    case "grayscale": image.convertToGrayscale()
    case "blur": image.gaussianBlur(kernelSize: integers[0], sigma: parameters[1])
    case "solarize": image.solarize(threshold: parameters[0])
    case "vertical_flip": image.flipVertically()
    case "equalize": image.equalize()
    case "quarter_turn": image.turn(quarterTurns: integers[0])
    case "rotate": image.rotate(degrees: parameters[0])
    case "posterize": image.posterize(bits: integers[0])
    case "sharpness": image.adjustSharpness(by: parameters[0])
    case "erase":
      image.erase(
        CropRectangle(top: integers[0], left: integers[1], height: integers[2], width: integers[3]),
        levels: integers[4...].map(UInt8.init))
    case "evaluate":
      var configuration = AugmentationConfiguration()
      configuration.imageSize = integers[0]
      return EvaluationTransform(configuration)(image)
    default: Issue.record("no operation \(test.operation)")
    }
    return image
  }

  /// Operation, the greatest difference allowed at any sample, and the greatest share of samples that may differ.
  static let tolerances: [(operation: String, levels: Int, share: Double)] = [
    ("resized_crop", 1, 0.002), ("resize", 1, 0.002),
    ("resized_crop_fixed_point", 1, 0.25), ("resize_fixed_point", 1, 0.25), ("evaluate", 1, 0.002),
    ("bicubic_crop", 1, 0.002), ("bicubic_resize", 1, 0.002),
    ("flip", 0, 0), ("grayscale", 0, 0), ("brightness", 0, 0), ("contrast", 1, 0.001), ("saturation", 0, 0),
    ("hue", 1, 0.001), ("blur", 1, 0.002), ("solarize", 0, 0),
    ("vertical_flip", 0, 0), ("equalize", 0, 0), ("quarter_turn", 0, 0), ("rotate", 1, 0.002), ("posterize", 0, 0),
    ("sharpness", 0, 0), ("erase", 0, 0),
  ]

  @Test("equals torchvision's functional operation at every pixel", arguments: tolerances)
  func matchesTorchvision(operation: String, levels: Int, share: Double) {
    let cases = self.cases.filter { $0.operation == operation }
    #expect(!cases.isEmpty)
    var (samples, differing) = (0, 0)
    for test in cases {
      let result = Self.apply(test)
      #expect(result.width == test.expected.width && result.height == test.expected.height, "\(test.name)")
      let differences = zip(result.pixels, test.expected.pixels).map { abs(Int($0) - Int($1)) }
      #expect(differences.max()! <= levels, "\(test.name)")
      samples += differences.count
      differing += differences.count { $0 > 0 }
    }
    #expect(Double(differing) <= share * Double(samples), "\(differing) of \(samples) samples differ by a level")
  }

  @Test("every fixture is tested")
  func everyFixtureIsTested() {
    #expect(Set(cases.map(\.operation)) == Set(Self.tolerances.map(\.operation)))
  }

  @Test("normalization equals torchvision's to 1e-6, in planes", arguments: ["small", "extremes"])
  func normalizes(name: String) {
    let image = fixture.image(name)
    let augmenter = ViewAugmenter(AugmentationConfiguration(), seed: 0)
    let planes = [Float](unsafeUninitializedCapacity: image.pixels.count) { buffer, filled in
      augmenter.write(normalized: image, to: buffer)
      filled = buffer.count
    }
    let expected = fixture.floats(name + ".normalized")
    #expect(planes.count == expected.count)
    #expect(zip(planes, expected).allSatisfy { abs($0 - $1) <= 1e-6 })
  }

  @Test("evaluation leaves an image of the right size as it is")
  func evaluationKeepsTheRightSize() {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 5
    let image = PixelImage(width: 5, height: 5, pixels: (0..<75).map { UInt8($0 * 3) })
    #expect(EvaluationTransform(configuration)(image) == image)
  }

  @Test("evaluation of an endless strip computes only the middle")
  func evaluationOfAStrip() {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 224
    let strip = PixelImage(width: 1_000_000, height: 1, pixels: [UInt8](repeating: 77, count: 3_000_000))
    let result = EvaluationTransform(configuration)(strip)
    #expect(result == PixelImage(width: 224, height: 224, pixels: [UInt8](repeating: 77, count: 224 * 224 * 3)))
  }
}
