import Evaluation
import Foundation
import Torch

/// Features, scores, weights and accuracies that `Fixtures/evaluation.py` recorded.
struct EvaluationFixture {
  let train: Features
  let test: Features
  private let tensors: [String: Tensor]
  private let accuracies: [String: [String: Double]]

  init() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
    let tensors = try SafeTensors.load(folder.appendingPathComponent("evaluation.safetensors"))
    accuracies = try JSONDecoder().decode(
      [String: [String: Double]].self, from: Data(contentsOf: folder.appendingPathComponent("evaluation.json")))
    func features(_ split: String) -> Features {
      let labels = tensors["\(split).labels"]!.array(of: Int.self)
      return Features(
        values: tensors["\(split).features"]!, labels: labels, sampleIndices: Array(labels.indices))
    }
    (train, test) = (features("train"), features("test"))
    self.tensors = tensors
  }

  subscript(name: String) -> Tensor { tensors[name]! }

  /// In percent.
  func accuracy(_ method: String) -> Accuracy {
    Accuracy(top1: 100 * accuracies[method]!["top1"]!, top5: 100 * accuracies[method]!["top5"]!)
  }
}

/// The greatest absolute difference of any two elements.
func greatestDifference(_ left: Tensor, _ right: Tensor) -> Double {
  precondition(left.shape == right.shape, "greatestDifference: \(left.shape) and \(right.shape)")
  return (left.to(.float64) - right.to(.float64)).abs().max().item()
}

/// Two well separated classes of `perClass` images each in two dimensions.
func twoClasses(perClass: Int, classNames: [String] = ["circle", "square"]) -> Features {
  let values = (0..<(2 * perClass)).flatMap { index -> [Float] in
    let shift = Float(index / 2) * 0.01
    return index % 2 == 0 ? [1, shift] : [shift, 1]
  }
  return Features(
    values: Tensor(values, shape: [2 * perClass, 2]), labels: (0..<(2 * perClass)).map { $0 % 2 },
    sampleIndices: Array(0..<(2 * perClass)), classNames: classNames)
}
