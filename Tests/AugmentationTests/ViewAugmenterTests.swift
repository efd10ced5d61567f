import Augmentation
import Foundation
import Images
import TestSupport
import Testing

@Suite("View augmenter")
struct ViewAugmenterTests {
  static let image = PixelImage(
    width: 29, height: 41, pixels: (0..<(29 * 41 * 3)).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7 + $0) })

  static var everything: AugmentationConfiguration {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 32
    configuration.solarizeProbability = 0.5
    return configuration
  }

  @Test("a view is crop, flip, jitter in its order, gray, blur, solarize")
  func orderOfOperations() {
    let augmenter = ViewAugmenter(Self.everything, seed: 0)
    var parameters = ViewParameters(crop: CropRectangle(top: 3, left: 2, height: 20, width: 25))
    parameters.isFlipped = true
    parameters.colorAdjustments = [.hue(0.1), .contrast(1.7), .brightness(0.6), .saturation(1.4)]
    parameters.isGrayscale = true
    parameters.blurSigma = 1.5
    parameters.isSolarized = true

    var expected = Self.image.resizedCrop(parameters.crop, width: 32, height: 32)
    expected.flipHorizontally()
    expected.adjust(.hue(0.1))
    expected.adjust(.contrast(1.7))
    expected.adjust(.brightness(0.6))
    expected.adjust(.saturation(1.4))
    expected.convertToGrayscale()
    expected.gaussianBlur(kernelSize: 3, sigma: 1.5)
    expected.solarize(threshold: 127.5)
    #expect(augmenter.apply(parameters, to: Self.image) == expected)
  }

  @Test("with everything random switched off, a view is the resized image")
  func nothingRandom() {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 24
    configuration.cropScaleMinimum = 1
    configuration.cropAspectRatioMinimum = 29.0 / 41
    configuration.cropAspectRatioMaximum = 29.0 / 41
    configuration.flipProbability = 0
    configuration.jitterProbability = 0
    configuration.grayscaleProbability = 0
    configuration.blurProbability = 0
    let view = ViewAugmenter(configuration, seed: 5).view(of: Self.image, epoch: 3, sample: 2, view: 1)
    #expect(view == Self.image.resized(width: 24, height: 24))
  }

  @Test("views are the same in any order and with any number of threads")
  func threadsDoNotMatter() {
    let augmenter = ViewAugmenter(Self.everything, seed: 11)
    let count = 48
    @Sendable func view(_ index: Int) -> PixelImage {
      augmenter.view(of: Self.image, epoch: 1, sample: index / 2, view: index % 2)
    }
    let alone = (0..<count).map(view)
    #expect((0..<count).reversed().map(view).reversed() == alone)
    #expect(Set(alone.map(\.pixels)).count == count, "each view differs from all others")

    for threads in [2, 5] {
      let views = SharedViews(count: count)
      DispatchQueue.concurrentPerform(iterations: threads) { thread in
        for index in stride(from: thread, to: count, by: threads) { views.set(view(index), at: index) }
      }
      #expect(views.all == alone)
    }
  }

  private final class SharedViews: @unchecked Sendable {
    private let lock = NSLock()
    private var views: [PixelImage?]

    init(count: Int) { views = Array(repeating: nil, count: count) }
    var all: [PixelImage?] { lock.withLock { views } }
    func set(_ view: PixelImage, at index: Int) { lock.withLock { views[index] = view } }
  }

  @Test("images of one pixel, one row and one column become views")
  func tinyImages() {
    let augmenter = ViewAugmenter(Self.everything, seed: 2)
    for (width, height) in [(1, 1), (1, 50), (50, 1), (2, 3)] {
      let image = PixelImage(width: width, height: height, pixels: [UInt8](repeating: 9, count: width * height * 3))
      for sample in 0..<50 {
        let view = augmenter.view(of: image, epoch: 0, sample: sample, view: 0)
        #expect(view.width == 32 && view.height == 32)
      }
    }
  }

  @Test("the blur's kernel is a tenth of the side, made odd")
  func blurKernelSizes() {
    for (side, size) in [(224, 23), (32, 3), (96, 9), (64, 7), (10, 1), (19, 1), (20, 3), (30, 3)] {
      var configuration = AugmentationConfiguration()
      configuration.imageSize = side
      #expect(configuration.blurKernelSize == size, "side \(side)")
    }
  }

  @Test("every setting that no view can be made with is refused by its name")
  func validation() throws {
    try AugmentationConfiguration().validate()
    let cases: [(change: (inout AugmentationConfiguration) -> Void, text: String)] = [
      ({ $0.imageSize = 0 }, "imageSize: expected an integer of at least 1, got 0"),
      ({ $0.cropScaleMinimum = 0 }, "cropScaleMinimum: expected a number above 0 and up to 1, got 0.0"),
      ({ $0.cropScaleMaximum = 1.5 }, "cropScaleMaximum: expected a number above 0 and up to 1, got 1.5"),
      (
        { $0.cropScaleMaximum = 0.05 },
        "cropScaleMaximum: expected at least cropScaleMinimum, which is 0.08, got 0.05"
      ),
      ({ $0.cropAspectRatioMinimum = -1 }, "cropAspectRatioMinimum: expected a number above 0, got -1.0"),
      (
        { $0.cropAspectRatioMaximum = 0.5 },
        "cropAspectRatioMaximum: expected at least cropAspectRatioMinimum, which is 0.75, got 0.5"
      ),
      ({ $0.flipProbability = 1.5 }, "flipProbability: expected a number in 0…1, got 1.5"),
      ({ $0.jitterProbability = -0.1 }, "jitterProbability: expected a number in 0…1, got -0.1"),
      ({ $0.jitterStrength = -1 }, "jitterStrength: expected a number of at least 0, got -1.0"),
      ({ $0.jitterBrightness = .infinity }, "jitterBrightness: expected a number of at least 0, got inf"),
      ({ $0.jitterHue = 0.6 }, "jitterHue: expected at most 0.5 after multiplying by jitterStrength, got 0.6"),
      ({ $0.grayscaleProbability = .nan }, "grayscaleProbability: expected a number in 0…1, got nan"),
      ({ $0.blurProbability = 2 }, "blurProbability: expected a number in 0…1, got 2.0"),
      ({ $0.blurKernelFraction = 1.1 }, "blurKernelFraction: expected a number in 0…1, got 1.1"),
      ({ $0.blurSigmaMinimum = 0 }, "blurSigmaMinimum: expected a number above 0, got 0.0"),
      (
        { $0.blurSigmaMaximum = 0.05 },
        "blurSigmaMaximum: expected at least blurSigmaMinimum, which is 0.1, got 0.05"
      ),
      ({ $0.solarizeProbability = 7 }, "solarizeProbability: expected a number in 0…1, got 7.0"),
      ({ $0.solarizeThreshold = 128 }, "solarizeThreshold: expected a number in 0…1, got 128.0"),
      ({ $0.device = "gpu" }, "device: expected loader, cpu, cuda or cuda:N, got gpu"),
      ({ $0.device = "cuda:-1" }, "device: expected loader, cpu, cuda or cuda:N, got cuda:-1"),
      ({ $0.mean = [0.5] }, "mean: expected three numbers, for red, green and blue, got [0.5]"),
      (
        { $0.standardDeviation = [1, 0, 1] },
        "standardDeviation: expected three numbers above 0, for red, green and blue, got [1.0, 0.0, 1.0]"
      ),
    ]
    for (change, text) in cases {
      var configuration = AugmentationConfiguration()
      change(&configuration)
      #expect(message { try configuration.validate() } == text)
    }
  }
}
