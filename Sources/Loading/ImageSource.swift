import Augmentation
import DataSets
import Images

/// Reads and decodes images for one thread, each as far as its views need it, in memory that it keeps.
///
/// What comes out for an image and its crops depends on nothing else: small images are always decoded whole, and may
/// then be kept in a cache; of larger ones only the part that the crops cover is decoded.
final class ImageSource {
  /// Pixels of an image, and where its crops lie in them.
  struct Pixels {
    let source: CropResizer.Source
    private let frame: CropRectangle
    private let scaleDenominator: Int

    fileprivate init(_ source: CropResizer.Source, frame: CropRectangle, scaleDenominator: Int = 1) {
      self.source = source
      self.frame = frame
      self.scaleDenominator = scaleDenominator
    }

    /// A crop of the image at full scale, as a part of these pixels.
    func box(of crop: CropRectangle) -> CropResizer.Box {
      let scale = Double(scaleDenominator)
      return CropResizer.Box(
        top: Double(crop.top) / scale - Double(frame.top), left: Double(crop.left) / scale - Double(frame.left),
        height: Double(crop.height) / scale, width: Double(crop.width) / scale)
    }
  }

  /// The image that was opened last. Its pixels are there already, or the decoder has read its header.
  private struct OpenImage {
    let index: Int
    let width: Int
    let height: Int
    let pixels: UnsafePointer<UInt8>?

    var whole: CropRectangle { CropRectangle(top: 0, left: 0, height: height, width: width) }
  }

  /// Told how long reading and decoding take, where somebody asks.
  let stages: StageTimes?
  private let dataSet: any ImageDataSet
  private let cache: PixelCache?
  private let isScaling: Bool
  private let buffer = ByteBuffer()
  private let decoder: ImageDecoder
  private var image: OpenImage?

  init(
    dataSet: any ImageDataSet, cache: PixelCache?, isScaling: Bool, appliesExifOrientation: Bool, stages: StageTimes?
  ) {
    self.dataSet = dataSet
    self.cache = cache
    self.isScaling = isScaling
    self.stages = stages
    decoder = ImageDecoder(appliesExifOrientation: appliesExifOrientation)
  }

  /// Turns to an image of the data set and tells its size, for which nothing is decoded yet.
  ///
  /// - Throws: An error that names the image when it, or its header, cannot be read.
  func open(_ index: Int) throws -> (width: Int, height: Int) {
    let opened = try cachedImage(index) ?? readImage(index)
    image = opened
    return (opened.width, opened.height)
  }

  private func cachedImage(_ index: Int) -> OpenImage? {
    cache?.image(at: index).map { OpenImage(index: index, width: $0.width, height: $0.height, pixels: $0.pixels) }
  }

  private func readImage(_ index: Int) throws -> OpenImage {
    switch try stages.measure(\.read, { try dataSet.read(at: index, into: buffer) }) {
    case .pixels(let width, let height):
      return OpenImage(index: index, width: width, height: height, pixels: buffer.bytes.baseAddress!)
    case .encoded:
      let (width, height) = try decoding(index) { try decoder.begin(buffer.bytes) }
      return OpenImage(index: index, width: width, height: height, pixels: nil)
    }
  }

  /// The pixels of the image that was opened last which some crops of it are made from. They last until the next image is
  /// opened.
  ///
  /// - Parameter imageSizes: The size in pixels that each of the crops is resized to.
  /// - Throws: An error that names the image when it cannot be decoded.
  func pixels(under crops: [CropRectangle], imageSizes: [Int]) throws -> Pixels {
    guard let image else { preconditionFailure("ImageSource: no image was opened") }
    if let pixels = image.pixels {
      return Pixels(.init(pixels: pixels, bytesPerRow: 3 * image.width), frame: image.whole)
    }
    let isSmall = image.width * image.height <= PixelCache.largestImage
    let denominator = isScaling && !isSmall ? DecodeScaling.denominator(crops: crops, imageSizes: imageSizes) : 1
    let region = try decoding(image.index) {
      try decoder.decode(isSmall ? image.whole : CropRectangle(covering: crops), scaleDenominator: denominator)
    }
    if isSmall {
      cache?.keep(
        region.pixels, bytesPerRow: region.bytesPerRow, width: image.width, height: image.height, at: image.index)
    }
    return Pixels(
      .init(pixels: region.pixels, bytesPerRow: region.bytesPerRow), frame: region.frame,
      scaleDenominator: region.scaleDenominator)
  }

  /// Calls the decoder, whose errors do not know which image it is at.
  private func decoding<Result>(_ index: Int, _ work: () throws -> Result) throws -> Result {
    do {
      return try stages.measure(\.decode, work)
    } catch let error as ImageError {
      throw error.naming(dataSet.name(at: index))
    }
  }
}
