import Methods
import Testing
import Torch

@Suite struct NTXentTests {
  @Test("a single image has no negatives, hence no loss")
  func singleImage() {
    let loss = NTXentLoss(temperature: 0.5)(
      Tensor([1, 2] as [Float], shape: [1, 2]), Tensor([3, 1] as [Float], shape: [1, 2]))
    #expect(loss.item() == 0)
  }

  @Test("two views among views are the two-view loss, to the bit")
  func twoViews() {
    let generator = Generator(seed: 8)
    let views = (0..<2).map { _ in Tensor.randn([6, 4], generator: generator).requireGradient() }
    let ntXent = NTXentLoss(temperature: 0.3)
    let pair = ntXent(views[0], views[1])
    pair.backward()
    let gradients = views.map { $0.gradient! }
    for view in views { view.gradient = nil }
    let several = ntXent(views, globalCount: 2)
    several.backward()
    #expect(several.isIdentical(to: pair))
    #expect(zip(views, gradients).allSatisfy { $0.gradient!.isIdentical(to: $1) })
  }

  @Test("the gradient is exact when the batch is cut into many blocks")
  func blocks() {
    // 3,000 pairs make 36 million similarities, hence several blocks; the plain formula is the reference.
    let generator = Generator(seed: 3)
    let first = Tensor.randn([3000, 4], generator: generator, dtype: .float64).requireGradient()
    let second = Tensor.randn([3000, 4], generator: generator, dtype: .float64).requireGradient()
    let ours = NTXentLoss(temperature: 0.2)(first, second)
    ours.backward()
    let gradients = (first.gradient!, second.gradient!)
    (first.gradient, second.gradient) = (nil, nil)

    let z = Functional.normalize(Tensor.concatenate([first, second]))
    let logits = z.matmul(z.transposed()) / 0.2
    let diagonal = Tensor.arange(0..<6000).unsqueezed(1).equal(Tensor.arange(0..<6000).unsqueezed(0))
    let positives = Tensor((0..<6000).map { ($0 + 3000) % 6000 })
    let reference = Functional.crossEntropy(logits.maskedFill(diagonal, -.infinity), target: positives)
    reference.backward()
    #expect(abs(ours.item() - reference.item()) < 1e-12)
    #expect((gradients.0 - first.gradient!).abs().max().item() < 1e-12)
    #expect((gradients.1 - second.gradient!).abs().max().item() < 1e-12)
  }

  @Test(
    "half-precision projections give a float32 loss and gradients of their own type",
    arguments: [DType.bfloat16, .float16])
  func halfPrecision(dtype: DType) {
    let first = Tensor.randn([8, 16], generator: Generator(seed: 1)).to(dtype).requireGradient()
    let loss = NTXentLoss(temperature: 0.1)(first, first.detached() * 1e-4)
    loss.backward()
    #expect(loss.dtype == .float32)
    #expect(first.gradient!.dtype == dtype)
    #expect(first.gradient!.isFinite().all())
  }
}
