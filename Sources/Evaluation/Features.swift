import Torch

/// What a frozen encoder says about the images of a data set: one row of numbers an image.
public struct Features: Sendable {
  /// `[N, D]`, float32, on the CPU.
  public let values: Tensor
  /// The class of each of the N images, or ``unlabeled``.
  public let labels: [Int]
  /// Where each of the N images stands in its data set; images that could not be read are left out.
  public let sampleIndices: [Int]
  /// The names of the classes in the order of their labels; empty when they have none.
  public let classNames: [String]

  /// The label of an image that has none.
  public static let unlabeled = -1

  /// Traps when `values` is not a float32 matrix on the CPU, or when there is not one label and one index a row.
  public init(values: Tensor, labels: [Int], sampleIndices: [Int], classNames: [String] = []) {
    precondition(
      values.rank == 2 && values.dtype == .float32 && values.device == .cpu,
      "Features: expected values [N, D] float32 on the CPU, got \(values.summary)")
    precondition(
      labels.count == values.shape[0] && sampleIndices.count == values.shape[0],
      "Features: \(values.shape[0]) rows, but \(labels.count) labels and \(sampleIndices.count) sample indices")
    self.values = values
    self.labels = labels
    self.sampleIndices = sampleIndices
    self.classNames = classNames
  }

  /// The number of images, N.
  public var count: Int { labels.count }

  /// The number of features of an image, D.
  public var dimension: Int { values.shape[1] }

  /// The number of classes: as many as are named, or as the labels tell.
  public var classCount: Int { max(classNames.count, (labels.max() ?? -1) + 1) }
}

// MARK: - Parts

extension Features {
  /// Those of some of the images, in the order given; images that could not be read are left out.
  ///
  /// - Parameter indices: where the images stand in the data set.
  public func selecting(_ indices: [Int]) -> Features {
    let rows = Dictionary(uniqueKeysWithValues: sampleIndices.enumerated().map { ($1, $0) })
    let chosen = indices.compactMap { rows[$0] }
    return Features(
      values: chosen.isEmpty ? Tensor.zeros([0, dimension]) : values.indexSelect(0, Tensor(chosen)),
      labels: chosen.map { labels[$0] }, sampleIndices: chosen.map { sampleIndices[$0] }, classNames: classNames)
  }
}

// MARK: - Fit for evaluation

extension Features {
  /// Confirms that a classifier can be made from these features.
  ///
  /// - Throws: ``EvaluationError`` when images are missing, without labels or all of one class, or features not finite.
  func requireTrainable() throws {
    try requireLabelsAndNumbers(split: "train")
    guard labels.contains(where: { $0 != labels[0] }) else {
      throw EvaluationError(
        "evaluation needs train images of at least two classes, but all \(count) are of class \(name(of: labels[0]))")
    }
  }

  /// Confirms that a classifier made from `train` can be tested on these features.
  ///
  /// - Throws: ``EvaluationError`` as ``requireTrainable()``, or when the classes are not those of `train`.
  func requireTestable(classNames trainNames: [String], classCount: Int) throws {
    try requireLabelsAndNumbers(split: "test")
    if !classNames.isEmpty, !trainNames.isEmpty, classNames != trainNames {
      let missing = Set(trainNames).subtracting(classNames).sorted().map { "'\($0)' is only in train" }
      let unknown = Set(classNames).subtracting(trainNames).sorted().map { "'\($0)' is only in test" }
      let differences = (missing + unknown).prefix(3)
      throw EvaluationError(
        "train and test images must have the same classes, but "
          + (differences.isEmpty ? "theirs are in another order" : differences.joined(separator: ", ")))
    }
    if let label = labels.max(), label >= classCount {
      throw EvaluationError(
        "a test image is of class \(name(of: label)), but the train images have \(classCount) classes")
    }
  }

  private func requireLabelsAndNumbers(split: String) throws {
    guard count > 0 else {
      throw EvaluationError("evaluation needs labeled images, but there are no \(split) images")
    }
    let withoutLabel = labels.count { $0 < 0 }
    guard withoutLabel == 0 else {
      throw EvaluationError(
        "evaluation needs labeled images, but \(withoutLabel) of \(count) \(split) images have no label. "
          + "Put the images of each class into a folder of its own, such as \(split)/CLASS/image.jpg")
    }
    guard values.isFinite().all() else {
      let finite = values.isFinite().to(.float32).sum(1).array(of: Float.self)
      let bad = finite.indices.filter { finite[$0] < Float(dimension) }
      throw EvaluationError(
        "\(bad.count) of \(count) \(split) images have features that are not finite numbers (first: image "
          + "\(sampleIndices[bad[0]])). The encoder's weights are damaged, or its training diverged")
    }
  }

  private func name(of label: Int) -> String { label < classNames.count ? "'\(classNames[label])'" : "\(label)" }
}
