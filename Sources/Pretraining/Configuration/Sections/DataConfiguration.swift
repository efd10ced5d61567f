import Keys

/// Section `data`, which ``section`` documents key by key.
public struct DataConfiguration: Equatable, Sendable {
  /// Which images are trained on, where a data set has some without labels (STL-10).
  public enum Split: String, CaseIterable, Sendable {
    case auto, train, unlabeled
    case trainAndUnlabeled = "train+unlabeled"
  }

  public var path = ""
  public var split = Split.auto
  public var classes = ""
  public var subset = ""
  public var appliesExifOrientation = false
  public var threads = 0
  public var batchesAhead = 3
  public var cacheMegabytes = 1024

  /// The defaults.
  public init() {}
}

extension DataConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>("data", "What is trained on and how it is read.") {
    Key(
      "path", \.path, .any("a folder, an archive or a file"), scope: .process,
      typedAs: ["data", "dir", "root", "dataset", "train_dir"],
      "The images: a folder of them, a root that holds `train/`, tar archives, binary files.")
    Key(
      "split", \.split, scope: .session,
      "Which images are trained on, where a data set has some without labels (STL-10): `auto` is both.")
    Key(
      "classes", \.classes, .any("a file"), scope: .process,
      "A file that names the classes to train on, one a line; empty: all.")
    Key(
      "subset", \.subset, .any("a file"), scope: .process,
      "A file that names the images to train on by the last part of their names, one a line; empty: all.")
    Key(
      "applies_exif_orientation", \.appliesExifOrientation, typedAs: ["exif", "exif_orientation"],
      "Turns images upright as their EXIF data say; torchvision does not.")
    Key(
      "threads", \.threads, .from(0, to: 1024, [0: "all cores"]), scope: .process,
      typedAs: ["workers", "num_workers", "num_threads"],
      "Threads that decode and augment; 0: as many as the machine has cores, less one that a CUDA device is fed by.")
    Key(
      "batches_ahead", \.batchesAhead, .atLeast(1), scope: .process, typedAs: ["prefetch", "prefetch_factor"],
      "Batches prepared ahead of training, which bounds the memory.")
    Key(
      "cache_megabytes", \.cacheMegabytes, .atLeast(0, [0: "no cache"]), scope: .process, typedAs: ["cache"],
      """
      Megabytes (2²⁰ bytes) of decoded pixels that are kept, so that images of up to 65,536 pixels are decoded once and
      not in every epoch. The processes of a machine divide them.
      """)
  }
}
