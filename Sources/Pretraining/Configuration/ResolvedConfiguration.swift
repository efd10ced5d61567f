import Augmentation
import Encoders
import Foundation
import Keys

/// A configuration that leaves nothing open which the results depend on: `auto` and 0 are replaced by what they stand for
/// on the machine that trains. Training, checkpoints and evaluation take only such a one.
///
/// The device and the numbers of threads stay open: the results do not depend on them, and a run may go on elsewhere.
@dynamicMemberLookup
public struct ResolvedConfiguration: Equatable, Sendable {
  /// Its values.
  public let configuration: Configuration

  fileprivate init(_ configuration: Configuration) { self.configuration = configuration }

  /// A section.
  public subscript<Value>(dynamicMember section: KeyPath<Configuration, Value>) -> Value {
    configuration[keyPath: section]
  }

  /// The network that is pretrained.
  public var encoderSettings: EncoderSettings {
    configuration.encoder.settings(imageSize: configuration.augmentation.imageSize)
  }

  /// The configuration as YAML text, every key written out; read and resolved again, it is the same on any machine.
  public func yaml() -> String { configuration.yaml() }
}

/// What a machine offers, as far as a configuration may leave that open.
public struct MachineOffer: Equatable, Sendable {
  /// What `training.precision: auto` stands for on the device that trains.
  public var fastestPrecision: TrainingConfiguration.Precision
  /// Where relative paths begin.
  public var workingFolder: String

  public init(
    fastestPrecision: TrainingConfiguration.Precision,
    workingFolder: String = FileManager.default.currentDirectoryPath
  ) {
    (self.fastestPrecision, self.workingFolder) = (fastestPrecision, workingFolder)
  }

  fileprivate func absolutePath(of path: String) -> String {
    let folder = URL(filePath: workingFolder, directoryHint: .isDirectory)
    return URL(filePath: path, directoryHint: .notDirectory, relativeTo: folder).standardizedFileURL.path
  }
}

extension Configuration {
  /// Fills in what was left open. Nothing is asked of a device, and no file is looked at.
  public func resolved(for machine: MachineOffer) -> ResolvedConfiguration {
    var result = self
    result.encoder.resolve(imageSize: augmentation.imageSize)
    if method.name == .distill && distill.teacherStem == .auto {
      result.distill.teacherStem = augmentation.imageSize <= 64 ? .cifar : .imagenet
    }
    if training.precision == .auto { result.training.precision = machine.fastestPrecision }
    if projectionHead.hiddenDimension == 0 {
      result.projectionHead.hiddenDimension = encoder.settings(imageSize: augmentation.imageSize).featureCount
    }
    result.data.path = PathList(data.path.paths.map(machine.absolutePath))
    for path in [\DataConfiguration.classes, \.subset] where !data[keyPath: path].isEmpty {
      result.data[keyPath: path] = machine.absolutePath(of: data[keyPath: path])
    }
    if !encoder.weights.isEmpty { result.encoder.weights = machine.absolutePath(of: encoder.weights) }
    if !distill.teacher.isEmpty { result.distill.teacher = machine.absolutePath(of: distill.teacher) }
    if !method.weights.isEmpty { result.method.weights = machine.absolutePath(of: method.weights) }
    return ResolvedConfiguration(result)
  }
}
