import Augmentation
import Foundation
import Images
import TestSupport
import Testing
import Torch

/// Which settings which view is made with.
@Suite("View recipes")
struct ViewRecipeTests {
  /// BYOL's second view and two local views.
  static var recipe: AugmentationConfiguration {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = 40
    configuration.cropScaleMinimum = 0.2
    configuration.blurProbability = 1
    configuration.secondView.blurProbability = 0.1
    configuration.secondView.solarizeProbability = 0.2
    configuration.localViews.count = 2
    configuration.localViews.imageSize = 24
    configuration.localViews.overrides.flipProbability = 0
    return configuration
  }

  static let image = PixelImage(
    width: 64, height: 48, pixels: (0..<(64 * 48 * 3)).map { UInt8(truncatingIfNeeded: $0 &* $0 / 11 + $0) })

  @Test("without overrides there are two views with the same settings")
  func twoViews() {
    #expect(AugmentationConfiguration().views == [AugmentationConfiguration(), AugmentationConfiguration()])
  }

  @Test("each view has the first one's settings but for its own")
  func views() {
    let views = Self.recipe.views
    #expect(views.count == 4 && views[2] == views[3])
    var expected = AugmentationConfiguration()
    expected.imageSize = 40
    expected.cropScaleMinimum = 0.2
    expected.blurProbability = 1
    #expect(views[0] == expected)
    var second = expected
    second.blurProbability = 0.1
    second.solarizeProbability = 0.2
    #expect(views[1] == second)
    var local = expected
    local.imageSize = 24
    (local.cropScaleMinimum, local.cropScaleMaximum) = (0.05, 0.14)
    local.flipProbability = 0
    #expect(views[2] == local)
  }

  @Test("every setting of a view can be overridden")
  func everySetting() {
    var other = AugmentationConfiguration()
    (other.cropScaleMinimum, other.cropScaleMaximum) = (0.3, 0.9)
    (other.cropAspectRatioMinimum, other.cropAspectRatioMaximum) = (0.9, 1.1)
    (other.flipProbability, other.jitterProbability, other.jitterStrength) = (0.1, 0.2, 0.3)
    (other.jitterBrightness, other.jitterContrast, other.jitterSaturation, other.jitterHue) = (0.4, 0.41, 0.42, 0.43)
    (other.grayscaleProbability, other.blurProbability, other.blurKernelFraction) = (0.5, 0.6, 0.7)
    (other.blurSigmaMinimum, other.blurSigmaMaximum) = (0.8, 3)
    (other.solarizeProbability, other.solarizeThreshold) = (0.9, 0.25)
    let overrides = ViewOverrides(everythingOf: other)
    #expect(overrides.applied(to: AugmentationConfiguration()) == other)
    let values = Mirror(reflecting: overrides).children.map { $0.value as? Double }
    #expect(values.count == 32 && !values.contains(nil))
  }

  @Test("what is drawn for a view follows its own settings")
  func ownProbabilities() {
    let augmenter = ViewAugmenter(Self.recipe, seed: 3)
    let count = 4000
    func parameters(_ view: Int) -> [ViewParameters] {
      (0..<count).map { augmenter.parameters(width: 64, height: 48, epoch: 0, sample: $0, view: view) }
    }
    func share(_ view: Int, _ holds: (ViewParameters) -> Bool) -> Double {
      Double(parameters(view).count(where: holds)) / Double(count)
    }
    let blurred: (ViewParameters) -> Bool = { $0.blurSigma != nil }
    #expect(share(0, blurred) == 1 && abs(share(1, blurred) - 0.1) < 0.025 && share(2, { $0.blurSigma == nil }) == 0)
    #expect(share(0, \.isSolarized) == 0 && abs(share(1, \.isSolarized) - 0.2) < 0.032)
    #expect(share(2, \.isFlipped) == 0 && share(3, \.isFlipped) == 0 && abs(share(0, \.isFlipped) - 0.5) < 0.04)
    for view in 2...3 {
      let areas = parameters(view).map { Double($0.crop.width * $0.crop.height) / (64 * 48) }
      #expect(areas.allSatisfy { (0.045..<0.15).contains($0) })
    }
    #expect(zip(parameters(2), parameters(3)).count { $0 == $1 } < count / 100, "local views differ from each other")
  }

  @Test("a view of its own size is blurred with its own kernel and solarized at its own threshold")
  func ownSizes() {
    var configuration = Self.recipe
    configuration.localViews.overrides.solarizeThreshold = 0.25
    let augmenter = ViewAugmenter(configuration, seed: 0)
    var parameters = ViewParameters(crop: CropRectangle(top: 3, left: 2, height: 20, width: 25))
    parameters.blurSigma = 1.5
    parameters.isSolarized = true
    for (view, side, kernel, threshold) in [(0, 40, 5, 127.5), (1, 40, 5, 127.5), (2, 24, 3, 63.75)] {
      var expected = Self.image.resizedCrop(parameters.crop, width: side, height: side)
      expected.gaussianBlur(kernelSize: kernel, sigma: 1.5)
      expected.solarize(threshold: threshold)
      #expect(augmenter.apply(parameters, to: Self.image, view: view) == expected)
    }
  }

  /// Drawn by this project's code of November 2026, before views had recipes of their own: a resumed run and a repeated
  /// experiment need the same numbers from every later version.
  @Test("the two views of plain SimCLR are drawn as ever")
  func pinned() {
    func drawn(
      _ crop: (top: Int, left: Int, height: Int, width: Int), flipped: Bool = false,
      _ adjustments: [ColorAdjustment] = [], sigma: Double? = nil, solarized: Bool = false
    ) -> ViewParameters {
      var result = ViewParameters(
        crop: CropRectangle(top: crop.top, left: crop.left, height: crop.height, width: crop.width))
      (result.isFlipped, result.colorAdjustments) = (flipped, adjustments)
      (result.blurSigma, result.isSolarized) = (sigma, solarized)
      return result
    }
    let cases: [(width: Int, height: Int, epoch: Int, sample: Int, expected: [ViewParameters])] = [
      (
        500, 375, 0, 0,
        [
          drawn(
            (128, 96, 148, 123),
            [
              .brightness(0.9119841049754889), .hue(-0.03338076574016985), .saturation(1.4580359716758724),
              .contrast(0.4687448159715664),
            ]),
          drawn(
            (39, 20, 205, 253), flipped: true,
            [
              .saturation(1.4249968864320222), .brightness(1.2054552948224697), .hue(0.09466592505768484),
              .contrast(0.872779156081162),
            ], sigma: 0.915019283288893),
        ]
      ),
      (
        32, 32, 3, 49999,
        [
          drawn((12, 14, 11, 11), flipped: true, solarized: true),
          drawn(
            (5, 11, 18, 17),
            [
              .contrast(1.3663606121675937), .saturation(1.3822360900286257), .hue(0.19489514915653333),
              .brightness(0.8715121825685518),
            ]),
        ]
      ),
      (
        20, 200, 99, 1_281_166,
        [
          drawn((86, 0, 27, 20), flipped: true),
          drawn(
            (86, 0, 27, 20), flipped: true,
            [
              .hue(0.0007848348022889695), .brightness(0.5764266186934273), .contrast(0.863477278168301),
              .saturation(0.8689275080298839),
            ], sigma: 0.4502436011964961),
        ]
      ),
    ]
    var configuration = AugmentationConfiguration()
    configuration.solarizeProbability = 0.2
    let augmenter = ViewAugmenter(configuration, seed: 7)
    for test in cases {
      for view in 0..<2 {
        let parameters = augmenter.parameters(
          width: test.width, height: test.height, epoch: test.epoch, sample: test.sample, view: view)
        #expect(parameters == test.expected[view], "sample \(test.sample), view \(view)")
      }
    }
  }

  @Test("local views leave the global ones as they are")
  func globalViewsStay() {
    let with = ViewAugmenter(Self.recipe, seed: 9)
    var configuration = Self.recipe
    configuration.localViews.count = 0
    let without = ViewAugmenter(configuration, seed: 9)
    for sample in 0..<20 {
      for view in 0..<2 {
        #expect(
          with.view(of: Self.image, epoch: 2, sample: sample, view: view)
            == without.view(of: Self.image, epoch: 2, sample: sample, view: view))
      }
    }
  }

  @Test("settings that no view can be made with are refused by the property that has them")
  func validation() throws {
    try Self.recipe.validate()
    let cases: [(change: (inout AugmentationConfiguration) -> Void, text: String)] = [
      ({ $0.secondView.blurProbability = 1.5 }, "secondView.blurProbability: expected a number in 0…1, got 1.5"),
      (
        {
          $0.cropScaleMaximum = 0.5
          $0.secondView.cropScaleMinimum = 0.9
        }, "secondView.cropScaleMaximum: expected at least cropScaleMinimum, which is 0.9, got 0.5"
      ),
      ({ $0.localViews.count = -1 }, "localViews.count: expected 0 (none) or a few, got -1"),
      ({ $0.localViews.imageSize = 0 }, "localViews.imageSize: expected an integer of at least 1, got 0"),
      (
        { $0.localViews.overrides.solarizeThreshold = 128 },
        "localViews.solarizeThreshold: expected a number in 0…1, got 128.0"
      ),
    ]
    for (change, text) in cases {
      var configuration = AugmentationConfiguration()
      change(&configuration)
      #expect(message { try configuration.validate() } == text)
    }
  }
}
