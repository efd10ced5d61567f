import Foundation

/// Memory for the bytes of an image, kept from image to image. Each thread has its own.
public final class ByteBuffer {
  private var memory = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  /// Bytes in use.
  public fileprivate(set) var count = 0

  public init() {}

  deinit { memory.deallocate() }

  /// Makes room for `count` bytes, uninitialized; what was in it is lost.
  public func resize(to count: Int) -> UnsafeMutableBufferPointer<UInt8> {
    if memory.count < count {
      memory.deallocate()
      // A quarter more, so that images which grow little by little do not each ask for new memory.
      memory = .allocate(capacity: count + count / 4)
    }
    self.count = count
    return UnsafeMutableBufferPointer(start: memory.baseAddress, count: count)
  }

  /// The bytes in use, until the next `resize`.
  public var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: memory.baseAddress, count: count) }
}

extension ByteBuffer {
  /// Reads a whole file.
  ///
  /// - Throws: `ImageError` that names the file when it cannot be read or is no regular file.
  public func read(contentsOf path: String) throws {
    func failure() -> ImageError {
      ImageError("\(FileName.printable(path)): cannot be read: \(String(cString: strerror(errno)))")
    }

    // Of a pipe, without O_NONBLOCK, a writer would be waited for.
    let descriptor = FileName.withBytes(path) { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    guard status.isRegularFile else {
      throw ImageError("\(FileName.printable(path))", expected: "a file", got: "a folder, pipe or device")
    }
    let room = resize(to: Int(status.st_size))
    var filled = 0
    while filled < room.count {
      let count = Glibc.read(descriptor, room.baseAddress! + filled, room.count - filled)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { break }
      filled += count
    }
    // A file that shrank while it was read is as long as it now is.
    count = filled
  }
}

extension stat {
  /// Whether these are the particulars of a regular file.
  package var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }
}
