import Foundation
import Synchronization
import Testing
import VisionData

/// A new folder that goes with its owner.
final class TemporaryFolder {
  let url: URL
  var path: String { url.path }

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("simclr-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    // The real path, which is what messages name.
    self.url = url.resolvingSymlinksInPath()
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file, and the folders on the way to it.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> URL {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file
  }

  /// A small JPEG of one colour, which tells images apart.
  @discardableResult
  func writeImage(_ name: String, grey: UInt8 = 128, side: Int = 8) throws -> URL {
    let image = PixelImage(width: side, height: side, pixels: Array(repeating: grey, count: side * side * 3))
    return try write(ImageCodec.encodeJPEG(image, quality: 95), name)
  }

  /// Paths below the folder, sorted.
  func contents() -> [String] {
    (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).sorted()
  }
}

/// The text of the error that `body` throws.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing was thrown"
  } catch {
    return "\(error)"
  }
}

/// A value that threads share.
final class Box<Value: Sendable>: Sendable {
  private let storage: Mutex<Value>
  init(_ value: Value) { storage = Mutex(value) }
  var value: Value { storage.withLock { $0 } }
  func update(_ body: @Sendable (inout Value) -> Void) {
    storage.withLock { value in
      var copy = value
      body(&copy)
      value = copy
    }
  }
}
