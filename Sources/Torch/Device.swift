import CTorch

/// Where a tensor lies and its operations run.
public enum Device: Hashable, Sendable, CustomStringConvertible {
  case cpu
  /// The CUDA device of this number, from 0.
  case cuda(Int)
  /// Nowhere: tensors have shapes and types, but no elements, and operations find only those of their results.
  case meta

  /// The device a name stands for: `auto` (the first CUDA device that libtorch can use, else the CPU), `cpu`, `cuda` (the
  /// first), `cuda:N`.
  ///
  /// - Throws: ``TorchError`` when the name is unknown, or asks for a CUDA device that cannot be had.
  public init(named name: String) throws {
    switch Name(name) {
    case .cpu: self = .cpu
    case .auto: self = CUDA.usableDevices.first.map { .cuda($0) } ?? .cpu
    case .cuda(let number): self = try Self.availableCUDA(number ?? CUDA.usableDevices.first ?? 0)
    case nil: throw TorchError("unknown device '\(name)': expected auto, cpu, cuda or cuda:N")
    }
  }

  private static func availableCUDA(_ number: Int) throws -> Device {
    if let reason = CUDA.whyUnavailable {
      throw TorchError("CUDA is not available: \(reason)", advice: "use device cpu or auto")
    }
    guard number < CUDA.deviceCount else {
      throw TorchError("there is no device cuda:\(number): this process sees \(CUDA.deviceCount) CUDA device(s)")
    }
    if let reason = CUDA.devices[number].whyUnusable { throw TorchError("\(reason)", advice: "use another device") }
    return .cuda(number)
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let number): "cuda:\(number)"
    case .meta: "meta"
    }
  }

  /// Waits until everything asked of the device is done.
  public func synchronize() {
    guard case .cuda(let number) = self else { return }
    check(ctorch_cuda_synchronize(Int32(number)), "synchronize")
  }

  var number: Int32 {
    switch self {
    case .cpu: Int32(CTORCH_CPU)
    case .cuda(let number): Int32(number)
    case .meta: Int32(CTORCH_META)
    }
  }

  init(number: Int32) { self = number >= 0 ? .cuda(Int(number)) : number == Int32(CTORCH_META) ? .meta : .cpu }
}
