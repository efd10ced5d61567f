import Encoders
import Methods
import TestSupport
import Torch
import TorchDistributed

/// An encoder of four channels and a head on top of it.
func tinyNetwork(
  _ generator: Generator, dimension: Int = 8, normalization: ProjectionHead.Normalization = .hidden
) -> EmbeddingNetwork {
  let encoder = ResNet(.resnet18, width: 0.0625, stem: .cifar, generator: generator)
  let head = ProjectionHead(
    dimensions: [encoder.featureCount, 16, dimension], normalization: normalization, generator: generator)
  return EmbeddingNetwork(encoder: encoder, projectionHead: head)
}

/// What processes find that share the images of a batch in equal pieces: the sum of their losses, and the gradients of all images'
/// first embeddings of each view.
///
/// - Parameters:
///   - views: of all images: the first embedding has a gradient.
///   - method: made by each process, on its thread.
func contrasted(
  _ views: [ViewEmbeddings], by processes: Int, globalCount: Int = 2,
  _ method: @escaping @Sendable (ProcessGroup) -> any PretrainingMethod
) throws -> (loss: Double, gradients: [Tensor]) {
  nonisolated(unsafe) let views = views
  let parts = try withRanks(processes) { world in
    func own(_ tensor: Tensor) -> Tensor {
      let length = tensor.shape[0] / processes
      return tensor.narrow(0, world.rank * length..<(world.rank + 1) * length)
    }
    let leaves = views.map { view in
      ViewEmbeddings(
        view.embeddings.enumerated().map { own($1).clone().requireGradient($0 == 0) }, targets: view.targets.map(own),
        labels: view.labels.map(own))
    }
    let loss = method(world.group).contrast(leaves, globalCount: globalCount)
    loss.backward()
    return (loss: loss.item(), gradients: leaves.map { $0.embeddings[0].gradient! })
  }
  return (
    parts.map(\.loss).reduce(0, +),
    views.indices.map { view in Tensor.concatenate(parts.map { $0.gradients[view] }) }
  )
}
