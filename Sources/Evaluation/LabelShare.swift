import DataSets
import Randomness

/// Some of the labeled images of a data set, the same share of every class.
public enum LabelShare {
  /// Marks the random numbers that choose images, apart from others of the same seed.
  private static let stream: UInt32 = 0x7368_6172

  /// The places of `percent` % of the images of every class, rounded, at least one of each, in the order of the data set.
  ///
  /// - Parameter seed: decides which.
  /// - Throws: ``EvaluationError`` when images have no labels.
  public static func indices(of dataSet: any ImageDataSet, percent: Double, seed: UInt64) throws -> [Int] {
    precondition(percent > 0 && percent <= 100, "LabelShare: \(percent) percent")
    var ofClass: [Int: [Int]] = [:]
    for index in 0..<dataSet.count {
      guard let label = dataSet.label(at: index) else {
        throw EvaluationError("a share of the labels was asked for, but \(dataSet.name(at: index)) has none")
      }
      ofClass[label, default: []].append(index)
    }
    var chosen: [Int] = []
    for (label, indices) in ofClass {
      var generator = PhiloxGenerator(seed: seed, epoch: 0, sample: label, stream: stream)
      var indices = indices
      let count = max(1, Int((Double(indices.count) * percent / 100).rounded()))
      for place in 0..<count {
        indices.swapAt(place, place + generator.integer(below: indices.count - place))
      }
      chosen += indices[..<count]
    }
    return chosen.sorted()
  }
}
