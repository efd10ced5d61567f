import Foundation
import Torch
import TorchNN

/// A vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929) as timm builds it, less the classifier.
///
/// Parameters have timm's names, in their order.
public final class VisionTransformer: Module, ImageEncoder {
  /// How wide and deep a network is.
  public enum Architecture: String, CaseIterable, Sendable {
    case tiny = "vit_tiny"
    case small = "vit_small"
    case base = "vit_base"
    case large = "vit_large"

    /// How many blocks there are.
    public var depth: Int { self == .large ? 24 : 12 }

    /// How many parts attention has; each has 64 channels at width 1.
    public var heads: Int {
      switch self {
      case .tiny: 3
      case .small: 6
      case .base: 12
      case .large: 16
      }
    }

    /// The size of a token: of each head at least 4 channels and a multiple of 4, so that positions of sines and cosines fit.
    func dimension(width: Double) -> Int { heads * max(4, Int(64 * width) / 4 * 4) }
  }

  /// What becomes of the tokens in the end.
  public enum Pooling: String, CaseIterable, Sendable {
    /// The class token, normalized.
    case token
    /// The mean of the patches' tokens, normalized.
    case mean
  }

  /// Where each token says that it lies.
  public enum Positions: String, CaseIterable, Sendable {
    case learned
    /// Fixed sines and cosines of row and column (MoCo v3, Chen et al. 2021, arXiv 2104.02057).
    case sincos
  }

  /// What a transformer has of its own.
  public struct Settings: Equatable, Sendable {
    /// Side of a patch in pixels.
    public var patchSize = 16
    /// Side of the images that positions are for, in pixels; for images of others they are interpolated.
    public var imageSize = 224
    public var pooling = Pooling.token
    public var positions = Positions.learned
    /// Whether the projection of patches stays as it was drawn, which keeps large learning rates stable (MoCo v3, section 4.3).
    public var freezesPatchProjection = false

    /// As timm publishes it.
    public init() {}
  }

  public let featureCount: Int
  public var recomputesBlocks = false
  private let patchSize: Int
  private let gridSide: Int

  let clsToken: Parameter
  let posEmbed: Parameter
  let patchEmbed: PatchEmbedding
  let posDrop: Dropout
  public let blocks: [Module]
  let norm: LayerNorm?
  let fcNorm: LayerNorm?

  /// - Parameters:
  ///   - width: multiplies the size of a token; 1 is the network of the paper.
  ///   - stochasticDepth: how often the last block's branches are left out; from 0 at the first it grows evenly.
  ///   - dropout: the share of elements that is set to 0 after positions, attention and each layer of the MLPs.
  ///   - generator: draws the first weights.
  public init(
    _ architecture: Architecture, _ settings: Settings = Settings(), width: Double = 1, stochasticDepth: Double = 0,
    dropout: Double = 0, generator: Generator
  ) {
    let dimension = architecture.dimension(width: width)
    precondition(
      settings.imageSize.isMultiple(of: settings.patchSize),
      "VisionTransformer: patches of \(settings.patchSize) pixels do not divide images of \(settings.imageSize)")
    (featureCount, patchSize, gridSide) = (dimension, settings.patchSize, settings.imageSize / settings.patchSize)
    let tokens = 1 + gridSide * gridSide
    clsToken = Parameter(Tensor.randn([1, 1, dimension], generator: generator) * 1e-6, role: .token)
    switch settings.positions {
    case .learned:
      posEmbed = Parameter(Tensor.randn([1, tokens, dimension], generator: generator) * 0.02, role: .position)
    case .sincos:
      posEmbed = Parameter(Self.sinesAndCosines(gridSide: gridSide, dimension: dimension), role: .position)
      posEmbed.freeze()
    }
    patchEmbed = PatchEmbedding(dimension, patchSize: settings.patchSize, generator: generator)
    if settings.freezesPatchProjection { patchEmbed.freeze() }
    posDrop = Dropout(rate: dropout, number: 0)
    blocks = (0..<architecture.depth).map { index in
      TransformerBlock(
        dimension, heads: architecture.heads, number: index,
        stochasticDepth: stochasticDepth * Double(index) / Double(architecture.depth - 1), dropout: dropout,
        generator: generator)
    }
    norm = settings.pooling == .token ? LayerNorm(dimension) : nil
    fcNorm = settings.pooling == .mean ? LayerNorm(dimension) : nil
  }

  /// Embeds images `[N, 3, H, W]`, of which patches divide both sides, as features `[N, featureCount]`.
  public override func callAsFunction(_ images: Tensor) -> Tensor {
    let (height, width) = (images.shape[2], images.shape[3])
    precondition(
      height.isMultiple(of: patchSize) && width.isMultiple(of: patchSize),
      "VisionTransformer: patches of \(patchSize) pixels do not divide images of \(height) × \(width)")
    let patches = patchEmbed(images).to(posEmbed.value.dtype)
    let token = clsToken.value.expanded([patches.shape[0], 1, featureCount])
    var x = Tensor.concatenate([token, patches], dimension: 1)
    x = posDrop(x + positions(rows: height / patchSize, columns: width / patchSize))
    x = blocks.reduce(x) { recomputesBlocks ? $1.recomputedInBackward($0) : $1($0) }
    if let norm { return norm(x.select(1, 0)) }
    return fcNorm!(x.narrow(1, 1..<x.shape[1]).mean(1))
  }

  private func positions(rows: Int, columns: Int) -> Tensor {
    rows == gridSide && columns == gridSide
      ? posEmbed.value : Self.resized(posEmbed.value, rows: rows, columns: columns)
  }
}

// MARK: - Positions

extension VisionTransformer {
  /// Positions `[1, 1 + P, D]` of a square of P patches for another number of rows and columns, by bicubic interpolation as
  /// timm does it; that of the class token stays.
  static func resized(_ positions: Tensor, rows: Int, columns: Int) -> Tensor {
    let (patches, dimension) = (positions.shape[1] - 1, positions.shape[2])
    let side = Int(Double(patches).squareRoot())
    let grid = positions.narrow(1, 1..<1 + patches).reshaped([1, side, side, dimension]).permuted([0, 3, 1, 2])
    let resized = Functional.resizedBicubic(grid, height: rows, width: columns).permuted([0, 2, 3, 1])
    return Tensor.concatenate(
      [positions.narrow(1, 0..<1), resized.reshaped([1, rows * columns, dimension])], dimension: 1)
  }

  /// Sines and cosines of row and column, a quarter of the dimension each, at wavelengths that grow up to 10000; 0 for the class
  /// token.
  fileprivate static func sinesAndCosines(gridSide: Int, dimension: Int) -> Tensor {
    let quarter = dimension / 4
    var values = [Float](repeating: 0, count: dimension)
    for row in 0..<gridSide {
      for column in 0..<gridSide {
        for place in [row, column] {
          let angles = (0..<quarter).map { Double(place) / pow(10_000, Double($0) / Double(quarter)) }
          values += angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
        }
      }
    }
    return Tensor(values, shape: [1, 1 + gridSide * gridSide, dimension])
  }
}

// MARK: - Published weights

extension VisionTransformer {
  public var classifierPrefix: String { "head." }

  public func adapt(_ published: inout [String: Tensor]) -> [String] {
    var done: [String] = []
    if let theirs = published["pos_embed"], theirs.rank == 3, theirs.shape[2] == featureCount, theirs.shape[1] > 1 {
      let side = Int(Double(theirs.shape[1] - 1).squareRoot())
      if side != gridSide && side * side == theirs.shape[1] - 1 {
        published["pos_embed"] = withoutGradients {
          Self.resized(theirs.to(.float32), rows: gridSide, columns: gridSide)
        }
        done.append("positions of \(side) × \(side) patches interpolated to \(gridSide) × \(gridSide)")
      }
    }
    for name in ["weight", "bias"] where fcNorm != nil && published["fc_norm.\(name)"] == nil {
      guard let theirs = published.removeValue(forKey: "norm.\(name)") else { continue }
      published["fc_norm.\(name)"] = theirs
      done.append("norm.\(name) as fc_norm.\(name)")
    }
    return done
  }
}

extension EncoderArchitecture {
  public static let vitTiny = EncoderArchitecture(.tiny)
  public static let vitSmall = EncoderArchitecture(.small)
  public static let vitBase = EncoderArchitecture(.base)
  public static let vitLarge = EncoderArchitecture(.large)

  private init(_ architecture: VisionTransformer.Architecture) {
    self.init(
      name: architecture.rawValue, traits: [.patches, .stochasticDepth, .dropout],
      features: { architecture.dimension(width: $0) },
      make: { settings, generator in
        VisionTransformer(
          architecture, settings.transformer, width: settings.width, stochasticDepth: settings.stochasticDepth,
          dropout: settings.dropout, generator: generator)
      })
  }
}
