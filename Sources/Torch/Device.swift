import CTorch

/// Where a tensor lies and its operations run.
public enum Device: Hashable, Sendable, CustomStringConvertible {
  case cpu
  /// The CUDA device of this number, from 0.
  case cuda(Int)

  /// The device a name stands for: `auto` (CUDA when there is one, else the CPU), `cpu`, `cuda`, `cuda:N`.
  ///
  /// - Throws: ``TorchError`` when the name is unknown, or asks for a CUDA device that this machine does not have.
  public init(named name: String) throws {
    switch name {
    case "cpu": self = .cpu
    case "auto": self = CUDA.deviceCount > 0 ? .cuda(0) : .cpu
    case "cuda": self = try Self.availableCUDA(0)
    default:
      guard name.hasPrefix("cuda:"), let number = Int(name.dropFirst("cuda:".count)), number >= 0 else {
        throw TorchError("unknown device '\(name)': expected auto, cpu, cuda or cuda:N")
      }
      self = try Self.availableCUDA(number)
    }
  }

  private static func availableCUDA(_ number: Int) throws -> Device {
    if let reason = CUDA.whyUnavailable {
      throw TorchError("CUDA is not available: \(reason). Use device cpu or auto")
    }
    guard number < CUDA.deviceCount else {
      throw TorchError("there is no device cuda:\(number): this machine has \(CUDA.deviceCount) CUDA device(s)")
    }
    return .cuda(number)
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let number): "cuda:\(number)"
    }
  }

  /// Waits until everything asked of the device is done.
  public func synchronize() {
    guard case .cuda(let number) = self else { return }
    check(ctorch_cuda_synchronize(Int32(number)), "synchronize")
  }

  var number: Int32 {
    switch self {
    case .cpu: -1
    case .cuda(let number): Int32(number)
    }
  }

  init(number: Int32) { self = number < 0 ? .cpu : .cuda(Int(number)) }
}

/// The CUDA side of libtorch, found at run time: the same program runs where there is none.
public enum CUDA {
  /// Why no CUDA device can be used, nil when one can.
  public static let whyUnavailable: String? = {
    guard ctorch_cuda_load() == CTORCH_OK else {
      return "the CUDA part of libtorch cannot be loaded (\(TorchError.last().description))"
    }
    return ctorch_cuda_device_count() > 0 ? nil : "no CUDA device was found"
  }()

  /// How many CUDA devices this process sees.
  public static var deviceCount: Int { whyUnavailable == nil ? Int(ctorch_cuda_device_count()) : 0 }
}
