extension Device {
  /// What people call devices: `auto`, `cpu`, `cuda` or `cuda:N`.
  public enum Name: Equatable, Sendable {
    /// The first CUDA device that libtorch can use, else the CPU.
    case auto
    case cpu
    /// The CUDA device of a number; nil: the first one that libtorch can use, or another one that is meant.
    case cuda(Int?)

    /// Reads a name; nil where it is none. Whether there is such a device is another question.
    public init?(_ text: String) {
      switch text {
      case "auto": self = .auto
      case "cpu": self = .cpu
      case "cuda": self = .cuda(nil)
      default:
        let opening = "cuda:"
        guard text.hasPrefix(opening), let number = Int(text.dropFirst(opening.count)), number >= 0 else { return nil }
        self = .cuda(number)
      }
    }
  }
}
