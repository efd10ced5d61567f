import CImageCodec

/// Kinds of images that are read, told apart by their first bytes.
///
/// Libraries for all but JPEG, PNG and BMP are loaded when the first such image is met; where one is not installed, the
/// errors of its images name it.
public enum ImageKind: String, Sendable, CaseIterable, Codable {
  case jpeg, png, webp, tiff, gif, bmp, avif, heic

  /// What a file is that begins with these bytes: the first 64 of it, or all; nil when it is no image.
  public init?(signature: some Collection<UInt8>) {
    let bytes = Array(signature.prefix(CIMAGECODEC_SIGNATURE_BYTES))
    self.init(cimagecodec_recognize(bytes, bytes.count))
  }

  init?(_ kind: cimagecodec_kind) {
    guard let match = Self.allCases.first(where: { $0.number == kind }) else { return nil }
    self = match
  }

  private var number: cimagecodec_kind {
    switch self {
    case .jpeg: CIMAGECODEC_JPEG
    case .png: CIMAGECODEC_PNG
    case .webp: CIMAGECODEC_WEBP
    case .tiff: CIMAGECODEC_TIFF
    case .gif: CIMAGECODEC_GIF
    case .bmp: CIMAGECODEC_BMP
    case .avif: CIMAGECODEC_AVIF
    case .heic: CIMAGECODEC_HEIC
    }
  }

  /// As people call it: `JPEG`, `WebP`.
  public var name: String { String(cString: cimagecodec_kind_name(number)) }

  /// Whether this machine has what reads it.
  public var isAvailable: Bool { cimagecodec_kind_is_available(number) != 0 }

  /// All of them, for people.
  package static let names = "JPEG, PNG, WebP, TIFF, GIF, BMP, AVIF or HEIC"
}
