import Encoders
import Foundation
import Methods
import Torch
import TorchDistributed
import TorchNN

extension Pretraining {
  /// Begins with the weights that `encoder.weights`, `method.weights` or a method's own section names, if one does; rank 0 reads
  /// them for all.
  ///
  /// - Parameter configuration: the run's, which rank 0 is asked for; what a command that resumes a run says of first weights
  ///   counts for nothing.
  /// - Throws: ``RunError`` saying why they do not fit; `TorchError` when the file cannot be read.
  func loadFirstWeights(of configuration: () throws -> ResolvedConfiguration) throws {
    let loaded = try world.sharingFailures {
      guard world.isFirst else { return nil as String? }
      let configuration = try configuration()
      if !configuration.method.weights.isEmpty { return try loadMethod(configuration.method.weights) }
      let encoder = configuration.encoder.weights.isEmpty ? nil : try loadEncoder(configuration.encoder.weights)
      let given = try configuration.loadGivenWeights(into: trainer.method)
      let said = [encoder, given].compactMap { $0 }
      return said.isEmpty ? nil : said.joined(separator: "\n")
    }
    firstWeights = try world.valueOfRankZero(loaded)
    guard firstWeights != nil else { return }
    try world.broadcast(trainer.method.stateDictionary().map(\.tensor))
  }

  /// - Returns: what was done, in words.
  private func loadEncoder(_ path: String) throws -> String {
    let file = try WeightsFile(contentsOf: URL(fileURLWithPath: path))
    let architecture = configuration.encoder.architecture.name
    do {
      let report = try PublishedWeights(file.tensors).load(into: trainer.method.encoder, architecture: architecture)
      trainer.method.encoderWasReplaced()
      return "the encoder begins with \(path): \(report)"
    } catch let error as TorchError {
      throw RunError("encoder.weights: \(path) does not fit a \(architecture): \(error)", isWrongUsage: true)
    }
  }

  /// - Returns: what was done, in words.
  private func loadMethod(_ path: String) throws -> String {
    let state = try WeightsFile(contentsOf: URL(fileURLWithPath: path)).tensors
    do {
      try trainer.method.load(state)
    } catch let error as TorchError {
      throw RunError(
        "method.weights: \(path) is of another method or of other sizes: \(error). encoder.weights takes the encoder alone",
        isWrongUsage: true)
    }
    return "encoder and method begin with \(path): \(state.count) tensors loaded"
  }
}
