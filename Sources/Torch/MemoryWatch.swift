import CTorch

/// Counts the memory that tensors take on a device while a piece of work runs.
///
/// On the CPU it sees what the calling thread, and backward passes that it runs, take through libtorch's allocator: not
/// the scratch memory of oneDNN, nor other threads. On a CUDA device it sees all of this process's tensors.
public enum MemoryWatch {
  /// Runs `body` and says how many bytes tensors took at most beyond those that were taken before.
  public static func peakBytes<Result>(on device: Device, of body: () throws -> Result) rethrows
    -> (result: Result, bytes: Int)
  {
    var watch: OpaquePointer?
    check(ctorch_memory_watch_begin(device.number, &watch), "MemoryWatch")
    defer { ctorch_memory_watch_end(watch) }
    let result = try body()
    var bytes: Int64 = 0
    check(ctorch_memory_watch_peak(watch, &bytes), "MemoryWatch")
    return (result, Int(bytes))
  }
}

extension Device {
  /// Bytes that are free for tensors, and all that the device has: of a CUDA device; of the CPU what Linux calls available
  /// memory, or less where a control group sets a limit. nil where the machine does not tell.
  public var memory: (freeBytes: Int, totalBytes: Int)? {
    switch self {
    case .cpu: return ProcessMemory.machine
    case .meta: return nil
    case .cuda:
      var (free, total): (Int64, Int64) = (0, 0)
      guard ctorch_cuda_memory(number, &free, &total) == CTORCH_OK else { return nil }
      return (Int(free), Int(total))
    }
  }

  /// The most memory that this process has taken so far, in bytes: of tensors on a CUDA device, resident on the CPU.
  public var peakBytes: Int {
    guard case .cuda = self else { return ProcessMemory.peakResidentBytes }
    var bytes: Int64 = 0
    check(ctorch_cuda_peak_bytes(number, &bytes), "peakBytes")
    return Int(bytes)
  }
}
