import CTorch
import Foundation

/// The CUDA side of libtorch, found at run time: the same program runs where there is none.
public enum CUDA {
  /// Why no CUDA device can be used, nil when one can.
  public static let whyUnavailable: String? = findObstacle()

  /// How many CUDA devices this process sees.
  public static var deviceCount: Int { whyUnavailable == nil ? devices.count : 0 }

  /// The numbers of those that libtorch has kernels for.
  public static var usableDevices: [Int] {
    whyUnavailable == nil ? devices.filter { $0.whyUnusable == nil }.map(\.number) : []
  }

  /// NVIDIA's driver, nil where there is none.
  public static let driver: Driver? = {
    var version: Int32 = 0
    guard ctorch_cuda_driver_version(&version) == CTORCH_OK else { return nil }
    return Driver(cudaVersion: Int(version), release: Driver.installedRelease)
  }()

  /// The GPUs that the driver shows this process, by their numbers; parts of a divided GPU (MIG) are devices like others.
  public static let devices: [GPU] = {
    var count: Int32 = 0
    guard driver != nil, ctorch_cuda_driver_device_count(&count) == CTORCH_OK else { return [] }
    // A libtorch that the driver does not run would only complain.
    let architectures = obstacleOfLibrary == nil ? GPU.Architecture.all(in: TorchRuntime.buildDescription) : []
    return (0..<count).compactMap { GPU(number: $0, kernels: architectures) }
  }()

  /// The version of NCCL that libtorch would use, such as `2.28.9`; nil when it cannot be loaded.
  public static var ncclVersion: String? {
    let version = Int(ctorch_nccl_version())
    return version > 0 ? "\(version / 10000).\(version / 100 % 100).\(version % 100)" : nil
  }

  /// Why the driver and the CUDA part of libtorch do not go together, whatever the devices.
  private static let obstacleOfLibrary: String? = {
    guard let driver else { return "there is no NVIDIA driver (libcuda.so.1 cannot be loaded)" }
    guard ctorch_cuda_load() == CTORCH_OK else {
      return
        "the CUDA part of libtorch cannot be loaded (\(TorchError.last())): name the folder torch/lib of a complete "
        + "PyTorch \(TorchRuntime.compiledVersion) in LD_LIBRARY_PATH"
    }
    return driver.obstacle(toCUDA: Int(ctorch_cuda_runtime_version()))
  }()

  private static func findObstacle() -> String? {
    if let obstacleOfLibrary { return obstacleOfLibrary }
    var count: Int32 = 0
    let status = ctorch_cuda_driver_device_count(&count)
    guard status == CTORCH_OK, count > 0 else {
      let visible = ProcessInfo.processInfo.environment["CUDA_VISIBLE_DEVICES"]
      return (status == CTORCH_OK ? "no CUDA device was found" : "\(TorchError.last())")
        + (visible.map { " (CUDA_VISIBLE_DEVICES is '\($0)')" } ?? "")
    }
    guard ctorch_cuda_device_count() == count, devices.count == count else {
      return "the driver shows \(count) CUDA device(s), but libtorch sees \(ctorch_cuda_device_count())"
    }
    return devices.contains { $0.whyUnusable == nil } ? nil : devices[0].whyUnusable
  }
}

extension CUDA {
  /// NVIDIA's driver.
  public struct Driver: Sendable {
    /// The newest CUDA that it is for: 13000 is 13.0.
    public let cudaVersion: Int
    private let tellRelease: @Sendable () -> String?

    /// - Parameter release: asked for only where somebody wants to know it, for that takes a moment.
    package init(cudaVersion: Int, release: @autoclosure @escaping @Sendable () -> String?) {
      (self.cudaVersion, tellRelease) = (cudaVersion, release)
    }

    /// Its own number, such as `580.65.06`; nil when it does not tell.
    public var release: String? { tellRelease() }

    /// Why programs for a version of CUDA (13000 is 13.0) do not run on it; it runs those of its major version and older.
    package func obstacle(toCUDA version: Int) -> String? {
      guard cudaVersion / 1000 < version / 1000 else { return nil }
      let enough = [12: "525", 13: "580"][version / 1000]
      return
        "the NVIDIA driver\(release.map { " \($0)" } ?? "") is for CUDA \(Self.text(cudaVersion)), and this libtorch "
        + "needs CUDA \(version / 1000): install driver \(enough.map { "\($0) or newer" } ?? "for it")"
    }

    /// `13.0`
    public static func text(_ cudaVersion: Int) -> String { "\(cudaVersion / 1000).\(cudaVersion % 1000 / 10)" }

    fileprivate static var installedRelease: String? {
      let told = String(cString: ctorch_cuda_driver_release())
      if !told.isEmpty { return told }
      return (try? String(contentsOfFile: "/proc/driver/nvidia/version", encoding: .utf8)).flatMap(release(inKernel:))
    }

    /// The number in what the driver's kernel module says of itself.
    package static func release(inKernel text: String) -> String? {
      text.split { $0.isWhitespace }.first { $0.wholeMatch(of: /\d+\.\d+(\.\d+)?/) != nil }.map(String.init)
    }
  }
}
