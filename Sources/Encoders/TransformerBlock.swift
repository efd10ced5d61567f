import Torch
import TorchNN

/// Cuts images `[N, 3, H, W]` into patches and maps each to a token: `[N, P, D]`, row by row.
final class PatchEmbedding: Module {
  let proj: Conv2d

  init(_ dimension: Int, patchSize: Int, generator: Generator) {
    proj = Conv2d(
      3, dimension, kernelSize: patchSize, stride: patchSize, bias: true, firstValues: .uniform, generator: generator)
  }

  override func callAsFunction(_ images: Tensor) -> Tensor { proj(images).flattened(from: 2).transposed(1, 2) }
}

/// A block of a ``VisionTransformer``: attention, then a network for each token, both normalized before and added to their
/// input. `[N, T, D]`
final class TransformerBlock: Module {
  let norm1: LayerNorm
  let attn: SelfAttention
  let dropPath1: StochasticDepth
  let norm2: LayerNorm
  let mlp: TokenMLP
  let dropPath2: StochasticDepth

  /// - Parameter number: of the block, from 0: its layers that draw have numbers of their own.
  init(
    _ dimension: Int, heads: Int, number: Int, stochasticDepth: Double, dropout: Double, generator: Generator
  ) {
    let first = 1 + 5 * number
    norm1 = LayerNorm(dimension)
    attn = SelfAttention(dimension, heads: heads, dropout: Dropout(rate: dropout, number: first), generator: generator)
    dropPath1 = StochasticDepth(rate: stochasticDepth, number: first + 1)
    norm2 = LayerNorm(dimension)
    mlp = TokenMLP(
      dimension, drop1: Dropout(rate: dropout, number: first + 2), drop2: Dropout(rate: dropout, number: first + 3),
      generator: generator)
    dropPath2 = StochasticDepth(rate: stochasticDepth, number: first + 4)
  }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    let attended = input + dropPath1(attn(norm1(input)))
    return attended + dropPath2(mlp(norm2(attended)))
  }
}

/// Every token becomes a mean of all tokens' values, weighed by how well its query fits their keys, in several heads.
final class SelfAttention: Module {
  let qkv: Linear
  let proj: Linear
  private let projDrop: Dropout
  private let heads: Int

  init(_ dimension: Int, heads: Int, dropout: Dropout, generator: Generator) {
    qkv = Linear(dimension, 3 * dimension, firstValues: .normal(deviation: 0.02), generator: generator)
    proj = Linear(dimension, dimension, firstValues: .normal(deviation: 0.02), generator: generator)
    (projDrop, self.heads) = (dropout, heads)
  }

  override func callAsFunction(_ input: Tensor) -> Tensor {
    let (count, tokens, dimension) = (input.shape[0], input.shape[1], input.shape[2])
    let parts = qkv(input).reshaped([count, tokens, 3, heads, dimension / heads]).permuted([2, 0, 3, 1, 4])
    let mixed = Functional.attention(query: parts.select(0, 0), key: parts.select(0, 1), value: parts.select(0, 2))
    return projDrop(proj(mixed.transposed(1, 2).reshaped([count, tokens, dimension])))
  }
}

/// Two linear layers with GELU between them, for each token by itself.
final class TokenMLP: Module {
  let fc1: Linear
  let fc2: Linear
  private let drop1: Dropout
  private let drop2: Dropout

  init(_ dimension: Int, drop1: Dropout, drop2: Dropout, generator: Generator) {
    fc1 = Linear(dimension, 4 * dimension, firstValues: .normal(deviation: 0.02), generator: generator)
    fc2 = Linear(4 * dimension, dimension, firstValues: .normal(deviation: 0.02), generator: generator)
    (self.drop1, self.drop2) = (drop1, drop2)
  }

  override func callAsFunction(_ input: Tensor) -> Tensor { drop2(fc2(drop1(fc1(input).gelu()))) }
}
