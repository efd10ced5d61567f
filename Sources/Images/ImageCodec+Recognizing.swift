import CImageCodec
import Foundation

extension ImageCodec {
  /// Extensions of names that say that a file is one of those that are decoded, in lower case.
  private static let extensions: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "gif", "bmp", "dib", "avif", "heic", "heif",
  ]

  /// Bytes of a file that tell whether it is an image, if it has so many.
  package static let signatureBytes = CIMAGECODEC_SIGNATURE_BYTES

  /// Whether a file's name alone says that it is an image.
  package static func recognizes(name: some StringProtocol) -> Bool {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
    return extensions.contains(name[name.index(after: dot)...].lowercased())
  }

  /// Whether these are the first bytes of an image.
  package static func recognizes(signature: some Collection<UInt8>) -> Bool {
    ImageKind(signature: signature) != nil
  }

  /// Whether a file is an image by what it holds. One that cannot be read is none.
  package static func recognizes(contentsOf path: String) -> Bool {
    let descriptor = FileName.withBytes(path) { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.isRegularFile else { return false }
    var bytes = [UInt8](repeating: 0, count: signatureBytes)
    let count = read(descriptor, &bytes, bytes.count)
    return recognizes(signature: bytes.prefix(max(0, count)))
  }
}
