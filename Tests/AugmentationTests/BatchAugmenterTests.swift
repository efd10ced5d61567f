import Augmentation
import Foundation
import Images
import Randomness
import TestSupport
import Testing
import Torch

/// Batched augmentation against the loader's, sample by sample and element by element, on the CPU device.
@Suite("Batch augmenter")
struct BatchAugmenterTests {
  static func settings(_ side: Int) -> AugmentationConfiguration {
    var configuration = AugmentationConfiguration()
    configuration.imageSize = side
    configuration.solarizeProbability = 0.3
    return configuration
  }

  /// Levels of every kind: noise, flat gray, flat colors, black and white, gradients.
  static func crop(_ index: Int, side: Int) -> PixelImage {
    var random = PhiloxGenerator(seed: 77, epoch: 0, sample: index, stream: 0)
    let base = (0..<3).map { _ in UInt8(random.next() >> 56) }
    let pixels = (0..<side * side * 3).map { element -> UInt8 in
      switch index % 5 {
      case 0: UInt8(random.next() >> 56)
      case 1: base[0]
      case 2: base[element % 3]
      case 3: random.next() >> 63 == 0 ? 0 : 255
      default: UInt8((element / 3 * 255) / (side * side)) / UInt8(element % 3 + 1)
      }
    }
    return PixelImage(width: side, height: side, pixels: pixels)
  }

  static func whole(_ side: Int) -> ViewParameters {
    ViewParameters(crop: CropRectangle(top: 0, left: 0, height: side, width: side))
  }

  /// The greatest difference in levels from the CPU path, and the share of elements that differ at all.
  static func difference(
    _ settings: AugmentationConfiguration, _ crops: [PixelImage], _ parameters: [ViewParameters]
  ) -> (levels: Int, share: Double) {
    let side = settings.imageSize
    var plain = settings
    (plain.mean, plain.standardDeviation) = ([0, 0, 0], [1, 1, 1])
    let views = BatchAugmenter(plain, device: .cpu)(Tensor.levels(of: crops), parameters)
    #expect(views.shape == [crops.count, 3, side, side] && views.dtype == .float32)
    let levels = (views * 255).permuted([0, 2, 3, 1]).array(of: Float.self)
    let augmenter = ViewAugmenter(plain, seed: 0)
    var (greatest, differing) = (0, 0)
    for (index, crop) in crops.enumerated() {
      var own = parameters[index]
      own.crop = whole(side).crop
      own.isFlipped = false
      // Done to crops already, before they go to the device.
      (own.isFlippedVertically, own.quarterTurns, own.rotation) = (false, 0, nil)
      (own.isEqualized, own.isPosterized, own.isSharpened) = (false, false, false)
      let expected = augmenter.apply(own, to: crop)
      for (element, level) in expected.pixels.enumerated() {
        let found = levels[index * expected.pixels.count + element]
        #expect((found - found.rounded()).magnitude < 1e-3)
        let difference = abs(Int(found.rounded()) - Int(level))
        greatest = max(greatest, difference)
        differing += difference > 0 ? 1 : 0
      }
    }
    return (greatest, Double(differing) / Double(levels.count))
  }

  @Test(
    "views drawn for many samples are the loader's to two levels of 255, and nearly always exactly",
    arguments: [(32, 300), (41, 150), (96, 40), (224, 12)])
  func randomViews(side: Int, count: Int) {
    var settings = Self.settings(side)
    ViewParametersTests.addMore(&settings)
    let augmenter = ViewAugmenter(settings, seed: 3)
    let parameters = (0..<count).map {
      augmenter.parameters(width: side, height: side, epoch: 0, sample: $0, view: $0 % 2)
    }
    let (levels, share) = Self.difference(settings, (0..<count).map { Self.crop($0, side: side) }, parameters)
    #expect(levels <= 2 && share < 1e-4, "\(levels) levels, a share of \(share)")
  }

  @Test("every operation alone is the loader's, at ordinary and extreme parameters")
  func singleOperations() {
    let adjustments: [ColorAdjustment] =
      [0, 0.2, 0.7, 1, 1.3, 1.8, 40].flatMap { [.brightness($0), .contrast($0), .saturation($0)] }
      + [-0.5, -0.2, -0.001, 0, 0.05, 0.2, 0.333, 0.5].map { .hue($0) }
    var parameters = adjustments.flatMap { adjustment in
      (0..<5).map { _ in
        var result = Self.whole(24)
        result.colorAdjustments = [adjustment]
        return result
      }
    }
    for sigma in [0.1, 0.5, 1, 2, 10] {
      for _ in 0..<5 {
        parameters.append(Self.whole(24))
        parameters[parameters.count - 1].blurSigma = sigma
      }
    }
    for change: (inout ViewParameters) -> Void in [{ $0.isGrayscale = true }, { $0.isSolarized = true }, { _ in }] {
      for _ in 0..<5 {
        parameters.append(Self.whole(24))
        change(&parameters[parameters.count - 1])
      }
    }
    let crops = parameters.indices.map { Self.crop($0, side: 24) }
    var settings = Self.settings(24)
    for (kernel, threshold) in [(0.1, 0.5), (0.5, 0.25), (1, 1)] {
      (settings.blurKernelFraction, settings.solarizeThreshold) = (kernel, threshold)
      let (levels, share) = Self.difference(settings, crops, parameters)
      #expect(levels <= 1 && share < 1e-4, "kernel \(settings.blurKernelSize): \(levels) levels, a share of \(share)")
    }
  }

  @Test("color jitter is applied in each sample's own order, for all 24 orders and for parts of them")
  func orders() {
    let adjustments: [ColorAdjustment] = [.brightness(1.6), .contrast(1.5), .saturation(0.3), .hue(0.15)]
    var orders: [[ColorAdjustment]] = [[]]
    for adjustment in adjustments {
      orders += orders.flatMap { order in
        (0...order.count).map { Array(order[..<$0] + [adjustment] + order[$0...]) }
      }
    }
    #expect(orders.count == 1 + 4 + 12 + 24 + 24)
    let parameters = orders.map { order in
      var result = Self.whole(16)
      result.colorAdjustments = order
      return result
    }
    let crops = orders.indices.map { _ in Self.crop(0, side: 16) }
    let (levels, share) = Self.difference(Self.settings(16), crops, parameters)
    #expect(levels <= 1 && share < 1e-4, "\(levels) levels, a share of \(share)")
  }

  @Test("normalized views equal the loader's floats to 1e-6, and half precision is their rounding")
  func normalized() {
    let settings = Self.settings(32)
    let augmenter = ViewAugmenter(settings, seed: 3)
    let crops = (0..<8).map { Self.crop($0, side: 32) }
    let parameters = crops.map { _ in Self.whole(32) }
    var expected = [Float](repeating: 0, count: 8 * 3 * 32 * 32)
    expected.withUnsafeMutableBufferPointer { buffer in
      for (index, crop) in crops.enumerated() {
        augmenter.write(
          normalized: crop, to: UnsafeMutableBufferPointer(rebasing: buffer[index * 3072..<(index + 1) * 3072]))
      }
    }
    let views = BatchAugmenter(settings, device: .cpu)(Tensor.levels(of: crops), parameters)
    #expect(zip(views.array(of: Float.self), expected).allSatisfy { abs($0 - $1) <= 1e-6 })
    for dtype in [DType.bfloat16, .float16] {
      let half = BatchAugmenter(settings, device: .cpu, dtype: dtype)(Tensor.levels(of: crops), parameters)
      #expect(half.isIdentical(to: views.to(dtype)))
    }
  }

  @Test("neither the size of the batch, nor its memory order, nor mixed precision around changes a view")
  func batchesDoNotMatter() {
    let settings = Self.settings(32)
    let augmenter = ViewAugmenter(settings, seed: 5)
    let parameters = (0..<40).map { augmenter.parameters(width: 32, height: 32, epoch: 1, sample: $0, view: 0) }
    let crops = Tensor.levels(of: (0..<40).map { Self.crop($0, side: 32) })
    let before = crops.clone()
    let whole = BatchAugmenter(settings, device: .cpu)(crops, parameters)
    let inParts = BatchAugmenter(settings, device: .cpu, maximumElements: 7 * 3072)(crops, parameters)
    #expect(inParts.isIdentical(to: whole))
    #expect(BatchAugmenter(settings, device: .cpu)(crops.channelsLast(), parameters).isIdentical(to: whole))
    let inAutocast = withAutocast(.cpu, .bfloat16) { BatchAugmenter(settings, device: .cpu)(crops, parameters) }
    #expect(inAutocast.isIdentical(to: whole))
    #expect(crops.isIdentical(to: before), "the crops are left as they were")
  }

  @Test("the cropped and flipped part is what the loader goes on from")
  func cropping() {
    let augmenter = ViewAugmenter(Self.settings(24), seed: 1)
    let image = Self.crop(0, side: 60)
    for sample in 0..<30 {
      let parameters = augmenter.parameters(width: 60, height: 60, epoch: 0, sample: sample, view: 0)
      var onlyCrop = ViewParameters(crop: parameters.crop)
      onlyCrop.isFlipped = parameters.isFlipped
      #expect(augmenter.crop(parameters, of: image, view: 0) == augmenter.apply(onlyCrop, to: image))
    }
  }

  @Test("no tensor is left behind")
  func memory() {
    let settings = Self.settings(16)
    let before = TorchRuntime.liveTensorCount
    do {
      let augmenter = ViewAugmenter(settings, seed: 5)
      let parameters = (0..<20).map { augmenter.parameters(width: 16, height: 16, epoch: 1, sample: $0, view: 0) }
      _ = BatchAugmenter(settings, device: .cpu)(
        Tensor.levels(of: (0..<20).map { Self.crop($0, side: 16) }), parameters)
    }
    #expect(TorchRuntime.liveTensorCount == before)
  }

  @Test("the configuration names the device: the loader's threads, or one that this machine has")
  func devices() throws {
    func device(_ name: String, trainingOn training: Device = .cpu) throws -> Device? {
      var configuration = AugmentationConfiguration()
      configuration.device = name
      try configuration.validate()
      return try configuration.batchDevice(trainingOn: training)
    }
    #expect(try AugmentationConfiguration().batchDevice(trainingOn: .cuda(1)) == nil)
    #expect(try device("cpu") == .cpu)
    #expect(try device("cuda", trainingOn: .cuda(1)) == .cuda(1))
    if CUDA.deviceCount == 0 {
      let error = #expect(throws: TorchError.self) { try device("cuda:3") }
      #expect(error?.description.hasPrefix("CUDA is not available: ") == true)
      #expect(error?.description.hasSuffix(": use loader") == true)
    }
  }
}
