import Foundation

/// Bytes of which any part can be read: a file's, or some in memory.
package protocol RandomAccessBytes {
  var count: Int { get }

  /// Fills `buffer` with the bytes from `offset` on, which must lie within ``count``.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws
}

extension RandomAccessBytes {
  /// The bytes of a part, which must lie within ``count``.
  package func bytes(_ range: Range<Int>) throws -> [UInt8] {
    var result = [UInt8](repeating: 0, count: range.count)
    try result.withUnsafeMutableBytes { try read(at: range.lowerBound, into: $0) }
    return result
  }

  /// The bytes of a part as a tensor on the CPU; the shape must take exactly as many.
  func tensor(_ range: Range<Int>, shape: [Int], dtype: DType) throws -> Tensor {
    let tensor = Tensor.empty(shape, dtype: dtype)
    if !range.isEmpty {
      try read(at: range.lowerBound, into: UnsafeMutableRawBufferPointer(start: tensor.address, count: range.count))
    }
    return tensor
  }
}

extension Data: RandomAccessBytes {
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    precondition(offset >= 0 && offset + buffer.count <= count, "Data: \(offset) + \(buffer.count) of \(count) bytes")
    copyBytes(to: buffer, from: startIndex + offset..<startIndex + offset + buffer.count)
  }
}

/// An open file, read in parts. It is never mapped into memory: one that somebody shortens meanwhile would end the process.
package final class RegularFile: RandomAccessBytes {
  package let count: Int
  private let descriptor: Int32
  private let path: String

  /// - Throws: ``TorchError`` with the path when there is no such file, or it is a folder or a device.
  package init(_ url: URL) throws {
    path = url.path
    // Opening a pipe would wait for somebody to write into it.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw TorchError("cannot read \(path): \(errno == ENOENT ? "no such file" : String(cString: strerror(errno)))")
    }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw TorchError("cannot read \(path): expected a file, and it is a folder or a device")
    }
    count = Int(information.st_size)
  }

  deinit { close(descriptor) }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count {
      let got = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw TorchError("cannot read \(path): \(String(cString: strerror(errno)))") }
      guard got > 0 else { throw TorchError("\(path) became shorter while it was read") }
      done += got
    }
  }
}
