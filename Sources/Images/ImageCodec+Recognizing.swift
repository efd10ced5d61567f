import Foundation

extension ImageCodec {
  /// Extensions of names that say that a file is one of those that are decoded, in lower case.
  private static let extensions: Set<String> = ["jpg", "jpeg", "jpe", "jfif", "png"]

  /// Bytes of a file that tell whether it is an image.
  package static let signatureBytes = 8

  /// Whether a file's name alone says that it is an image.
  package static func recognizes(name: some StringProtocol) -> Bool {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
    return extensions.contains(name[name.index(after: dot)...].lowercased())
  }

  /// Whether these are the first bytes of an image.
  package static func recognizes(signature: some Collection<UInt8>) -> Bool {
    signature.starts(with: [0xFF, 0xD8, 0xFF])
      || signature.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
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
