import Torch

/// The share of images whose class is found, in percent, 0…100.
public struct Accuracy: Codable, Sendable, Equatable {
  /// The right class has the highest score.
  public let top1: Double
  /// The right class is among the five with the highest scores; always 100 with five classes or fewer.
  public let top5: Double

  public init(top1: Double, top5: Double) {
    self.top1 = top1
    self.top5 = top5
  }

  /// The mean over several measurements, at least one.
  public init(meanOf parts: [Accuracy]) {
    precondition(!parts.isEmpty, "Accuracy: expected at least one to take the mean of")
    top1 = parts.map(\.top1).reduce(0, +) / Double(parts.count)
    top5 = parts.map(\.top5).reduce(0, +) / Double(parts.count)
  }

  /// Compares scores with labels. Of classes with equal scores the one of the lower number comes first, whichever is
  /// right, so that a tie wins nothing.
  ///
  /// - Parameters:
  ///   - scores: `[N, C]`, float32, higher for likelier classes; an image whose right class scores NaN counts as missed.
  ///   - labels: N numbers in `0..<C`, N at least 1.
  public init(scores: Tensor, labels: [Int]) {
    var count = Count()
    count.add(scores: scores, labels: labels)
    self = count.accuracy
  }

  /// Adds up batches.
  struct Count: Sendable, Equatable {
    private var images = 0
    private var inFirst = 0
    private var inFirstFive = 0

    mutating func add(scores: Tensor, labels: some Collection<Int>) {
      precondition(
        scores.rank == 2 && scores.shape[0] == labels.count,
        "Accuracy: expected scores [\(labels.count), C], got \(scores.summary)")
      let classes = scores.shape[1]
      let values = scores.array(of: Float.self)
      values.withUnsafeBufferPointer { values in
        for (row, label) in labels.enumerated() {
          let ofImage = UnsafeBufferPointer(rebasing: values[(row * classes)..<((row + 1) * classes)])
          let rank = Self.rank(of: label, in: ofImage)
          images += 1
          if rank < 1 { inFirst += 1 }
          if rank < 5 { inFirstFive += 1 }
        }
      }
    }

    static func += (left: inout Count, right: Count) {
      left.images += right.images
      left.inFirst += right.inFirst
      left.inFirstFive += right.inFirstFive
    }

    var accuracy: Accuracy {
      precondition(images > 0, "Accuracy: there are no images to judge")
      return Accuracy(
        top1: 100 * Double(inFirst) / Double(images), top5: 100 * Double(inFirstFive) / Double(images))
    }

    /// How many classes come before `label`.
    private static func rank(of label: Int, in scores: UnsafeBufferPointer<Float>) -> Int {
      precondition(scores.indices.contains(label), "Accuracy: label \(label) of \(scores.count) classes")
      let own = scores[label]
      if own.isNaN { return scores.count }
      var rank = 0
      for (index, score) in scores.enumerated() where score > own || (score == own && index < label) { rank += 1 }
      return rank
    }
  }
}
