import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct DrawingLayerTests {
  private let images = ImageKeys(seed: 7, epoch: 2, samples: Array(100..<164), view: 1)

  private func output(_ layer: DrawingLayer, _ images: ImageKeys?, _ input: Tensor) -> Tensor {
    [layer].seeing(images) { layer(input) }
  }

  @Test("a branch is left out for the share of images that was asked for, and the mean stays")
  func stochasticDepth() {
    let layer = StochasticDepth(rate: 0.25, number: 3)
    var keys = images
    keys.samples = Array(0..<4000)
    let rows = output(layer, keys, .ones([4000, 2, 3])).array(of: Double.self)
    let kept = stride(from: 0, to: rows.count, by: 6).filter { rows[$0] != 0 }
    // 3000 are expected; the standard deviation is 27.
    #expect((kept.count - 3000).magnitude < 140)
    for row in 0..<4000 {
      let values = Set(rows[row * 6..<row * 6 + 6])
      #expect(values == [0] || (values.count == 1 && (values.first! - 4 / 3).magnitude < 1e-6))
    }
  }

  @Test("dropout sets the share of elements to 0 that was asked for, and multiplies the others")
  func dropout() {
    let layer = Dropout(rate: 0.4, number: 0)
    let elements = output(layer, images, .ones([64, 5, 25])).array(of: Double.self)
    let kept = elements.filter { $0 != 0 }
    // 4800 are expected of 8000; the standard deviation is 44.
    #expect((kept.count - 4800).magnitude < 220)
    #expect(kept.allSatisfy { ($0 - 1 / 0.6).magnitude < 1e-6 })
  }

  @Test("what is drawn for an image does not depend on the others in the batch", arguments: [true, false])
  func independentOfBatch(isDropout: Bool) {
    let layer: DrawingLayer = isDropout ? Dropout(rate: 0.5, number: 9) : StochasticDepth(rate: 0.5, number: 9)
    let whole = output(layer, images, .ones([64, 7]))
    var half = images
    half.samples = Array(images.samples[32...].reversed())
    let rows = output(layer, half, .ones([32, 7]))
    for row in 0..<32 { #expect(rows.select(0, row).isIdentical(to: whole.select(0, 63 - row))) }
  }

  @Test("seed, epoch, view and layer each draw other numbers", arguments: [true, false])
  func keys(isDropout: Bool) {
    func drawn(_ number: Int = 1, _ change: (inout ImageKeys) -> Void = { _ in }) -> Tensor {
      var keys = images
      change(&keys)
      let layer: DrawingLayer =
        isDropout ? Dropout(rate: 0.5, number: number) : StochasticDepth(rate: 0.5, number: number)
      return output(layer, keys, .ones([64, 4]))
    }
    let first = drawn()
    #expect(drawn().isIdentical(to: first))
    for other in [
      drawn(2), drawn { $0.seed += 1 }, drawn { $0.epoch += 1 }, drawn { $0.view += 1 },
      drawn { $0.samples = $0.samples.map { $0 + 1 } },
    ] {
      #expect(!other.isIdentical(to: first))
    }
  }

  @Test("in evaluation, without images and at rate 0 the input passes")
  func passes() {
    let input = Tensor.pattern("input", [64, 4])
    let layer = Dropout(rate: 0.5, number: 0)
    #expect(output(layer, nil, input).isIdentical(to: input))
    #expect(output(Dropout(rate: 0, number: 0), images, input).isIdentical(to: input))
    layer.evaluate()
    #expect(output(layer, images, input).isIdentical(to: input))
  }

  @Test("what is computed again in the backward pass draws the same, though other images were seen meanwhile")
  func recomputation() {
    final class Block: Module {
      let linear = Linear(4, 4, generator: Generator(seed: 1))
      let dropout = Dropout(rate: 0.5, number: 0)
      override func callAsFunction(_ input: Tensor) -> Tensor { dropout(linear(input)) }
    }
    func gradient(recomputing: Bool) -> Tensor {
      let block = Block()
      let input = Tensor.pattern("input", [64, 4])
      let output = block.drawingLayers().seeing(images) {
        recomputing ? block.recomputedInBackward(input) : block(input)
      }
      let others = ImageKeys(seed: 7, epoch: 2, samples: Array(0..<64), view: 0)
      block.drawingLayers().seeing(others) { output.sum().backward() }
      return block.linear.weight.gradient!
    }
    #expect(gradient(recomputing: true).isIdentical(to: gradient(recomputing: false)))
  }
}
