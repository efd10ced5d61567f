import Augmentation
import DataSets
import Images

/// Reads and decodes images for one thread, each as far as its views need it, in memory that it keeps.
///
/// What comes out for an image and its crops depends on nothing else: small images are always decoded whole, and may
/// then be kept in a cache; of larger ones only the part that the crops cover is decoded.
final class ImageSource {
  /// Pixels of an image, where its crops lie in them, and how long they stay.
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

  /// Told how long reading and decoding take, where somebody asks.
  let stages: StageTimes?
  private let dataSet: any ImageDataSet
  private let cache: PixelCache?
  private let isScaling: Bool
  private let buffer = ByteBuffer()
  private let decoder: ImageDecoder

  init(
    dataSet: any ImageDataSet, cache: PixelCache?, isScaling: Bool, honorsEXIFOrientation: Bool, stages: StageTimes?
  ) {
    self.dataSet = dataSet
    self.cache = cache
    self.isScaling = isScaling
    self.stages = stages
    decoder = ImageDecoder(honorsEXIFOrientation: honorsEXIFOrientation)
  }

  /// Passes the pixels that the views of an image are made from, which last until the body returns.
  ///
  /// - Parameters:
  ///   - crops: What is needed of an image of the given size, and what the body is to know of it.
  ///   - imageSizes: The size in pixels that each of the crops is resized to.
  /// - Throws: `LoadingError` that names the image when it cannot be read or decoded.
  func withPixels<Context>(
    at index: Int, imageSizes: [Int],
    crops: (_ width: Int, _ height: Int) -> (crops: [CropRectangle], context: Context),
    _ body: (Pixels, Context) -> Void
  ) throws {
    let isKept =
      cache?.withImage(at: index) { pixels, width, height in
        body(whole(pixels, width: width, height: height), crops(width, height).context)
      } != nil
    if isKept { return }

    switch try stages.measure(\.read, { try dataSet.read(at: index, into: buffer) }) {
    case .pixels(let width, let height):
      body(whole(buffer.bytes.baseAddress!, width: width, height: height), crops(width, height).context)
    case .encoded:
      do {
        try withDecodedPixels(at: index, imageSizes: imageSizes, crops: crops, body)
      } catch let error as ImageError {
        throw error.naming(dataSet.name(at: index))
      }
    }
  }

  private func withDecodedPixels<Context>(
    at index: Int, imageSizes: [Int],
    crops: (_ width: Int, _ height: Int) -> (crops: [CropRectangle], context: Context),
    _ body: (Pixels, Context) -> Void
  ) throws {
    let (width, height) = try stages.measure(\.decode) { try decoder.begin(buffer.bytes) }
    let (crops, context) = crops(width, height)
    if width * height <= PixelCache.largestImage {
      let whole = CropRectangle(top: 0, left: 0, height: height, width: width)
      let region = try stages.measure(\.decode) { try decoder.decode(whole) }
      cache?.keep(region.pixels, bytesPerRow: region.bytesPerRow, width: width, height: height, at: index)
      body(pixels(of: region), context)
    } else {
      let denominator = isScaling ? DecodeScaling.denominator(crops: crops, imageSizes: imageSizes) : 1
      let region = try stages.measure(\.decode) {
        try decoder.decode(CropRectangle(covering: crops), scaleDenominator: denominator)
      }
      body(pixels(of: region), context)
    }
  }

  private func whole(_ pixels: UnsafePointer<UInt8>, width: Int, height: Int) -> Pixels {
    Pixels(
      .init(pixels: pixels, bytesPerRow: 3 * width),
      frame: CropRectangle(top: 0, left: 0, height: height, width: width))
  }

  private func pixels(of region: DecodedRegion) -> Pixels {
    Pixels(
      .init(pixels: region.pixels, bytesPerRow: region.bytesPerRow), frame: region.frame,
      scaleDenominator: region.scaleDenominator)
  }
}
