import CTorch

/// Runs `body` with matrix products and convolutions in `dtype` and what needs precision in float32, as
/// `torch.autocast` does. With `dtype` float32 or float64 nothing changes.
public func withAutocast<Result>(_ device: Device, _ dtype: DType, _ body: () throws -> Result) rethrows -> Result {
  var mode = Autocast.current(on: device)
  mode.isEnabled = dtype != .float32 && dtype != .float64
  if mode.isEnabled { mode.dtype = dtype.rawValue }
  return try mode(body)
}

/// What matrix products and convolutions on a device run in, as far as this thread is concerned: to be taken along to
/// where work is done later.
public struct Autocast: Sendable {
  private let device: Device
  fileprivate var isEnabled: Bool
  fileprivate var dtype: Int32

  /// What holds now.
  public static func current(on device: Device) -> Autocast {
    Autocast(
      device: device, isEnabled: ctorch_autocast_enabled(device.number), dtype: ctorch_autocast_dtype(device.number))
  }

  /// Runs `body` in this mode.
  public func callAsFunction<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = Autocast.current(on: device)
    set()
    defer {
      before.set()
      if !before.isEnabled { ctorch_clear_autocast_cache() }
    }
    return try body()
  }

  private func set() { ctorch_set_autocast(device.number, isEnabled, dtype) }
}
