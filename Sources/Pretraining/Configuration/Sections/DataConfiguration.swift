import Keys

/// Section `data`, which ``section`` documents key by key.
public struct DataConfiguration: Equatable, Sendable {
  /// Which images are trained on, where a data set has some without labels (STL-10).
  public enum Split: String, CaseIterable, Sendable {
    case auto, train, unlabeled
    case trainAndUnlabeled = "train+unlabeled"
  }

  public var path: PathList = ""
  public var split = Split.auto
  public var classes = ""
  public var subset = ""
  public var imageKey = ""
  public var appliesExifOrientation = false
  public var maximumBadPercent = 1.0
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
      "path", \.path, .paths("a folder, an archive or a file, or a list of several"),
      scope: .process,
      typedAs: ["data", "dir", "root", "dataset", "train_dir"],
      """
      The images: a folder of them at any depth, a root that holds `train/`, tar archives, binary files, a text file of
      paths, one a line; or several of these, `[a, b]`. What a data set has for tests and validation is left out.
      """)
    Key(
      "split", \.split, scope: .session,
      "Which images are trained on, where a data set has some without labels (STL-10, a folder `unlabeled/`): `auto` is both."
    )
    Key(
      "classes", \.classes, .any("a file"), scope: .process,
      "A file that names the classes to train on, one a line; empty: all.")
    Key(
      "subset", \.subset, .any("a file"), scope: .process,
      "A file that names the images to train on by their paths, or by the ends of those, one a line; empty: all."
    )
    Key(
      "image_key", \.imageKey, .any("what follows a sample's key in names"),
      typedAs: ["image_column", "key"],
      """
      Of WebDataset's samples with several images: what the one to take is called after the sample's key, `jpg` of 7.jpg, or
      left.png of 7.left.png; of several names with semicolons between them the first that is there. Empty: the one with the
      shortest name, or else the first.
      """)
    Key(
      "applies_exif_orientation", \.appliesExifOrientation, typedAs: ["exif", "exif_orientation"],
      "Turns images upright as their EXIF data say; torchvision does not.")
    Key(
      "maximum_bad_percent", \.maximumBadPercent, .from(0, to: 100, [0: "one image"]),
      scope: .session,
      typedAs: ["max_bad_percent", "bad_images", "skip_errors"],
      "Percent of the images that may be unreadable, which others replace; one always may. More end the run."
    )
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
