import Torch
import TorchNN

/// Weights that somebody published, to be taken over by an encoder of the same architecture.
///
/// Whatever a file holds is either loaded or named: nothing is passed over silently.
public struct PublishedWeights {
  private let tensors: [String: Tensor]

  /// What became of the tensors of a file.
  public struct Report: Equatable, Sendable, CustomStringConvertible {
    /// Tensors that the encoder took over.
    public var loaded = 0
    /// Names of those that are not the encoder's: of the classifier, or of what else a training keeps.
    public var leftOut: [String] = []
    /// What was changed, in words.
    public var adapted: [String] = []

    public var description: String {
      let parts = [
        "\(loaded) tensors loaded", leftOut.isEmpty ? nil : "left out: \(Self.list(leftOut))",
        adapted.isEmpty ? nil : "adapted: \(adapted.joined(separator: ", "))",
      ]
      return parts.compactMap { $0 }.joined(separator: "; ")
    }

    /// A few names, and how many more there are.
    private static func list(_ names: [String]) -> String {
      let shown = 4
      return names.prefix(shown).joined(separator: ", ")
        + (names.count > shown ? " and \(names.count - shown) more" : "")
    }
  }

  /// Takes tensors by name.
  public init(_ tensors: [String: Tensor]) { self.tensors = tensors }

  /// Has an encoder take them over.
  ///
  /// - Parameter architecture: the encoder's, for messages.
  /// - Returns: what was loaded, left out and adapted.
  /// - Throws: `TorchError` saying why they do not fit; then the encoder is as it was.
  public func load(into encoder: any ImageEncoder, architecture: String) throws -> Report {
    var (found, report) = (tensors, Report())
    stripPrefixes(of: encoder, &found, &report)
    report.leftOut += found.keys.filter { $0.hasPrefix(encoder.classifierPrefix) }.sorted()
    for name in report.leftOut { found[name] = nil }
    report.adapted += encoder.adapt(&found)
    var (state, missing, dtypes, missingCounters) = ([String: Tensor](), [String](), Set<String>(), 0)
    for (name, own) in encoder.stateDictionary() {
      guard let tensor = found.removeValue(forKey: name) else {
        state[name] = own
        if name.hasSuffix(Self.counter) {
          // Files of PyTorch before 0.4.1 have none; nothing that is computed depends on them.
          missingCounters += 1
        } else {
          missing.append(name)
        }
        continue
      }
      try Self.confirmFits(tensor, own, name)
      if tensor.dtype != own.dtype { dtypes.insert("\(tensor.dtype) to \(own.dtype)") }
      state[name] = tensor.to(own.dtype)
      report.loaded += 1
    }
    try confirmComplete(missing, unknown: found.keys.sorted(), architecture)
    for (name, tensor) in state where tensor.dtype.isFloatingPoint && !tensor.isFinite().all() {
      throw TorchError("\(name) has values that are not finite")
    }
    if missingCounters > 0 {
      report.adapted.append("\(missingCounters) counters of batches (\(Self.counter)) are missing and stay 0")
    }
    report.adapted += dtypes.sorted()
    try encoder.load(state)
    return report
  }

  private static let counter = "num_batches_tracked"

  /// Takes away what trainings put before all names: PyTorch's `DataParallel` `module.`, this program `encoder.`, beside
  /// which its checkpoints hold the method's tensors.
  private func stripPrefixes(of encoder: any ImageEncoder, _ found: inout [String: Tensor], _ report: inout Report) {
    let own = Set(encoder.stateDictionary().map(\.name))
    for prefix in ["module.", "encoder."] where found.keys.allSatisfy({ !own.contains($0) }) {
      let inner = found.filter { $0.key.hasPrefix(prefix) }
      guard !inner.isEmpty else { continue }
      report.leftOut += found.keys.filter { !$0.hasPrefix(prefix) }.sorted()
      report.adapted.append("names without '\(prefix)'")
      found = Dictionary(uniqueKeysWithValues: inner.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }
  }

  private static func confirmFits(_ tensor: Tensor, _ own: Tensor, _ name: String) throws {
    guard tensor.dtype.isFloatingPoint == own.dtype.isFloatingPoint else {
      throw TorchError("\(name) is \(tensor.dtype), where the encoder has \(own.dtype)")
    }
    guard tensor.shape != own.shape else { return }
    guard name == "conv1.weight", tensor.rank == 4, own.rank == 4 else {
      throw TorchError("\(name) has the shape \(tensor.shape), where the encoder has \(own.shape)")
    }
    let (theirs, ours) = (tensor.shape, own.shape)
    guard theirs[1] == ours[1] else {
      throw TorchError(
        "they take images of \(theirs[1]) channels, and images here have \(ours[1]) (red, green and blue)")
    }
    guard theirs[2...] == ours[2...] else {
      throw TorchError(
        "they begin with a convolution of \(theirs[2]) × \(theirs[3]), and the encoder with one of \(ours[2]) × \(ours[3]): its stem is another (imagenet: 7 × 7, cifar: 3 × 3)"
      )
    }
    throw TorchError("they begin with \(theirs[0]) channels, and the encoder with \(ours[0]): its width is another")
  }

  private func confirmComplete(_ missing: [String], unknown: [String], _ architecture: String) throws {
    guard let name = missing.first ?? unknown.first else { return }
    let what = missing.isEmpty ? "have \(name), which \(architecture) has not" : "lack \(name) of \(architecture)"
    throw TorchError("they \(what): are they of another architecture?")
  }
}
