import Foundation
import Images

/// A new folder that goes with its owner.
public final class TemporaryFolder {
  public let url: URL
  public var path: String { url.path }

  public init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("simclr-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    // The real path, which is what messages name.
    self.url = url.resolvingSymlinksInPath()
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file, and the folders on the way to it.
  @discardableResult
  public func write(_ bytes: [UInt8], _ name: String) throws -> URL {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file
  }

  /// A small JPEG of one color, which tells images apart.
  @discardableResult
  public func writeImage(_ name: String, gray: UInt8 = 128, side: Int = 8) throws -> URL {
    let image = PixelImage(width: side, height: side, pixels: Array(repeating: gray, count: side * side * 3))
    return try write(ImageCodec.encodeJPEG(image, quality: 95), name)
  }

  /// Paths below the folder, sorted.
  public func contents() -> [String] {
    (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).sorted()
  }
}
