import DataSets
import Errors
import Launching
import Pretraining

/// What people call the settings that lower floors speak of in errors.
enum SettingNames {
  private static let flags: [Setting: String] = [
    .processCount: "--processes", .machineCount: "--nodes", .machineNumber: "--node-rank", .rendezvous: "--rendezvous",
    .restarts: "--max-restarts", .resuming: "--resume", .runFolder: "--output", .weightsOfAnother: "--from",
    .archiveAtHand: "--from", .drawingOfShapes: "simclr data shapes", .downloadOfCIFAR10: "simclr data cifar10",
  ]

  /// The flag or the key of a setting; nil where it has none.
  static func name(of setting: Setting) -> String? { flags[setting] ?? Configuration.name(of: setting) }
}
