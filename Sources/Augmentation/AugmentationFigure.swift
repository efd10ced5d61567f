import Images

/// What augmentation does to images, as a picture: a column for each image, a row for each operation by itself and for
/// each full view (Figure 1 of the founding paper; Figure 4 of SimCLR, arXiv 2002.05709).
public struct AugmentationFigure {
  /// Side of a picture in pixels.
  public let side: Int
  private let augmenter: ViewAugmenter
  private let typeface: Typeface

  private static let gap = 12
  private static let margin = 24
  private static let background: UInt8 = 255
  private static let ink: UInt8 = 40

  /// - Parameters:
  ///   - configuration: How views are made; their size is replaced by `side`, which local views do not exceed either.
  ///   - side: At least 1.
  ///   - typeface: What the names of the rows are written in.
  /// - Throws: `AugmentationError` when no view can be made so.
  public init(_ configuration: AugmentationConfiguration, side: Int, seed: UInt64, typeface: Typeface) throws {
    precondition(side >= 1, "AugmentationFigure: expected pictures of at least 1 pixel, got \(side)")
    var configuration = configuration
    configuration.imageSize = side
    configuration.localViews.imageSize = min(configuration.localViews.imageSize, side)
    try configuration.validate()
    self.side = side
    self.typeface = typeface
    augmenter = ViewAugmenter(configuration, seed: seed)
  }

  /// The names of the rows, from the top.
  public var rowNames: [String] {
    ["original", "crop, resize", "flip", "color jitter", "grayscale", "gaussian blur", "solarize"]
      + moreOperations.map(\.name) + augmenter.views.indices.map { "view \($0 + 1)" }
  }

  /// Draws the figure.
  ///
  /// - Parameter images: Of any size, at least one.
  /// - Throws: `ImageError` when the typeface is damaged.
  public func draw(_ images: [PixelImage]) throws -> PixelImage {
    precondition(!images.isEmpty, "AugmentationFigure.draw: expected at least one image")
    let names = rowNames
    let labelWidth = try names.map(typeface.width(of:)).max()!
    let left = Self.margin + labelWidth + Self.gap
    let width = left + images.count * (side + Self.gap) - Self.gap + Self.margin
    let height = 2 * Self.margin + names.count * (side + Self.gap) - Self.gap
    var canvas = PixelImage(
      width: width, height: height, pixels: [UInt8](repeating: Self.background, count: 3 * width * height))
    for (row, name) in names.enumerated() {
      let top = Self.margin + row * (side + Self.gap)
      try typeface.write(
        name, on: &canvas, left: Self.margin, baseline: top + (side + typeface.ascent - typeface.descent) / 2,
        level: Self.ink)
    }
    for (column, image) in images.enumerated() {
      for (row, picture) in pictures(of: image, sample: column).enumerated() {
        // A local view is smaller than the others: it stands in the middle of its place.
        let inset = (side - picture.width) / 2
        canvas.paste(
          picture, left: left + column * (side + Self.gap) + inset,
          top: Self.margin + row * (side + Self.gap) + inset)
      }
    }
    return canvas
  }

  /// The pictures of one column, from the top.
  private func pictures(of image: PixelImage, sample: Int) -> [PixelImage] {
    let shortSide = min(image.width, image.height)
    let middle = CropRectangle(
      top: (image.height - shortSide) / 2, left: (image.width - shortSide) / 2, height: shortSide, width: shortSide)
    let original = image.resizedCrop(middle, width: side, height: side)
    let always = alwaysAugmenting.parameters(
      width: image.width, height: image.height, epoch: 0, sample: sample, view: 0)
    func changed(_ change: (inout PixelImage) -> Void) -> PixelImage {
      var picture = original
      change(&picture)
      return picture
    }
    return [
      original,
      image.resizedCrop(always.crop, width: side, height: side),
      changed { $0.flipHorizontally() },
      changed { picture in
        for adjustment in always.colorAdjustments { picture.adjust(adjustment) }
      },
      changed { $0.convertToGrayscale() },
      changed { picture in
        if let sigma = always.blurSigma {
          picture.gaussianBlur(kernelSize: augmenter.configuration.blurKernelSize, sigma: sigma)
        }
      },
      changed { $0.solarize(threshold: augmenter.configuration.solarizeThreshold * 255) },
    ]
      + moreOperations.map { operation in changed { operation.change(&$0, always) } }
      + augmenter.views.indices.map { augmenter.view(of: image, epoch: 0, sample: sample, view: $0) }
  }

  /// What any of the views has beyond SimCLR's operations.
  private var moreOperations: [(name: String, change: (inout PixelImage, ViewParameters) -> Void)] {
    let configuration = augmenter.configuration
    let all:
      [(
        name: String, probability: KeyPath<AugmentationConfiguration, Double>,
        change: (inout PixelImage, ViewParameters) -> Void
      )] = [
        ("vertical flip", \.verticalFlipProbability, { image, _ in image.flipVertically() }),
        ("quarter turn", \.quarterTurnProbability, { $0.turn(quarterTurns: $1.quarterTurns) }),
        ("rotation", \.rotationProbability, { $0.rotate(degrees: $1.rotation ?? 0) }),
        ("equalize", \.equalizeProbability, { image, _ in image.equalize() }),
        ("posterize", \.posterizeProbability, { image, _ in image.posterize(bits: Int(configuration.posterizeBits)) }),
        ("sharpness", \.sharpnessProbability, { image, _ in image.adjustSharpness(by: configuration.sharpnessFactor) }),
        (
          "erasing", \.erasingProbability,
          { image, drawn in if let part = drawn.erased { image.erase(part, levels: configuration.erasedLevels) } }
        ),
      ]
    return all.filter { row in augmenter.views.contains { $0[keyPath: row.probability] > 0 } }
      .map { ($0.name, $0.change) }
  }

  /// The same with every operation certain.
  private var alwaysAugmenting: ViewAugmenter {
    var configuration = augmenter.configuration
    configuration.jitterProbability = 1
    configuration.blurProbability = 1
    configuration.quarterTurnProbability = 1
    configuration.rotationProbability = 1
    configuration.erasingProbability = 1
    return ViewAugmenter(configuration, seed: augmenter.seed)
  }
}

extension PixelImage {
  /// Copies an image into this one, where it has room for it.
  fileprivate mutating func paste(_ image: PixelImage, left: Int, top: Int) {
    for row in 0..<image.height {
      let source = row * image.width * 3
      let target = ((top + row) * width + left) * 3
      pixels.replaceSubrange(
        target..<(target + 3 * image.width), with: image.pixels[source..<(source + 3 * image.width)])
    }
  }
}
