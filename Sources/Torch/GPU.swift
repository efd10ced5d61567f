import CTorch

/// An NVIDIA GPU, or a part of a divided one (MIG), as the driver describes it.
public struct GPU: Sendable {
  /// A compute capability, such as 8.6, or the one that kernels were compiled for.
  public struct Architecture: Comparable, Sendable, CustomStringConvertible {
    public let major: Int
    public let minor: Int

    /// `major`.`minor`, as NVIDIA writes it.
    public init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }

    public var description: String { "\(major).\(minor)" }
    public static func < (left: Self, right: Self) -> Bool { (left.major, left.minor) < (right.major, right.minor) }

    /// Machine code runs on GPUs of its major number and of its minor one or a higher.
    func runs(on gpu: Architecture) -> Bool { major == gpu.major && minor <= gpu.minor }

    /// Those that libtorch names in the description of its build, as `code=sm_86`.
    package static func all(in description: String) -> [Architecture] {
      let numbers = description.matches(of: /code=sm_(\d+)/).compactMap { Int($0.1) }
      return Set(numbers).sorted().map { Architecture($0 / 10, $0 % 10) }
    }
  }

  /// Its number in this process: `cuda:N`.
  public let number: Int
  public let name: String
  public let capability: Architecture
  public let memoryBytes: Int
  /// Where it sits in this machine, such as `0000:3b:00.0`; parts of a divided GPU have that of the whole.
  public let pciBusID: String
  /// Its own number, of all GPUs; empty when the driver does not tell.
  public let uuid: String
  /// Why libtorch cannot use it, nil when it can.
  public let whyUnusable: String?

  /// - Parameter kernels: what libtorch was compiled for; empty: unknown, so that all GPUs are taken for usable.
  package init(
    number: Int, name: String, capability: Architecture, memoryBytes: Int, pciBusID: String, uuid: String,
    kernels: [Architecture]
  ) {
    (self.number, self.name, self.capability, self.memoryBytes) = (number, name, capability, memoryBytes)
    (self.pciBusID, self.uuid) = (pciBusID, uuid)
    let isKnown = kernels.isEmpty || kernels.contains { $0.runs(on: capability) }
    whyUnusable =
      isKnown
      ? nil
      : "\(name) (cuda:\(number)) has compute capability \(capability), and this libtorch has kernels for "
        + kernels.map(\.description).joined(separator: ", ")
  }

  /// - Returns: nil where the driver does not describe it.
  init?(number: Int32, kernels: [Architecture]) {
    var found = ctorch_cuda_device()
    guard ctorch_cuda_driver_device(number, &found) == CTORCH_OK else { return nil }
    self.init(
      number: Int(number), name: text(found.name),
      capability: Architecture(Int(found.capability_major), Int(found.capability_minor)),
      memoryBytes: Int(found.memory_bytes), pciBusID: text(found.pci_bus_id).lowercased(), uuid: text(found.uuid),
      kernels: kernels)
  }

  /// Whether its tensor cores multiply bfloat16; those of older GPUs multiply float16 only.
  public var hasBFloat16: Bool { capability >= Architecture(8, 0) }
  /// Whether its tensor cores multiply float32 rounded to TF32.
  public var hasTF32: Bool { capability >= Architecture(8, 0) }
}

/// A C array of characters that ends with a zero.
private func text<Characters>(_ characters: Characters) -> String {
  withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
