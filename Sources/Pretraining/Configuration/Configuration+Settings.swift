import Augmentation
import Errors
import Keys
import Loading
import TorchDistributed

extension Configuration {
  /// The full name of the key of a setting that lower floors speak of in errors; nil where it has none.
  public static func name(of setting: Setting) -> String? {
    path(of: setting).map { keys.name(of: $0) }
  }

  private static func path(of setting: Setting) -> PartialKeyPath<Configuration>? {
    switch setting {
    case .exchangeTimeout: \.distributed.timeoutSeconds
    case .networkInterface: \.distributed.interface
    case .exchangeBackend: \.distributed.backend
    case .batchNormRanks: \.distributed.batchNormRanks
    case .globalBatchSize: \.training.globalBatchSize
    case .imageSize: \.augmentation.imageSize
    default: nil
    }
  }
}
