import Foundation
import Testing
import Torch

@Suite struct TensorTests {
  @Test("elements go in and come out in row-major order")
  func roundTrip() {
    let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(tensor.shape == [2, 3])
    #expect(tensor.dtype == .float32)
    #expect(tensor.transposed().array(of: Float.self) == [1, 4, 2, 5, 3, 6])
    #expect(tensor.select(0, 1).array(of: Int64.self) == [4, 5, 6])
    #expect(Tensor([] as [Float]).array(of: Float.self) == [])
  }

  @Test("arithmetic broadcasts and reductions run over the named dimensions")
  func arithmetic() {
    let tensor = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    #expect((tensor * tensor + 1).array(of: Float.self) == [2, 5, 10, 17])
    #expect((tensor - tensor.mean(1, keepDimensions: true)).array(of: Float.self) == [-0.5, 0.5, -0.5, 0.5])
    #expect(tensor.sum().item() == 10)
    #expect(tensor.variance(0, correction: 0).array(of: Float.self) == [1, 1])
    #expect(tensor.matmul(tensor).array(of: Float.self) == [7, 10, 15, 22])
    let top = tensor.topk(1)
    #expect(top.values.array(of: Float.self) == [2, 4])
    #expect(top.indices.array(of: Int.self) == [1, 1])
  }

  @Test("equal bits are identical, NaN included, and equal numbers of another type are not")
  func identity() {
    let tensor = Tensor([Float.nan, 1])
    #expect(tensor.isIdentical(to: tensor.clone()))
    #expect(!tensor.isIdentical(to: tensor.to(.float64)))
    #expect(!tensor.isIdentical(to: Tensor([Float.nan, 2])))
  }

  @Test("cuDNN tries which algorithms are fastest, unless the same bits are asked for every time")
  func deterministic() {
    TorchRuntime.setDeterministic(true)
    #expect(!TorchRuntime.benchmarksConvolutions)
    // Without it libtorch refuses matrix products on CUDA.
    #expect(getenv("CUBLAS_WORKSPACE_CONFIG") != nil)
    TorchRuntime.setDeterministic(false)
    #expect(TorchRuntime.benchmarksConvolutions)
  }

  @Test("the same seed gives the same random numbers")
  func generators() {
    let draw = { Tensor.randn([16], generator: Generator(seed: $0)) }
    #expect(draw(7).isIdentical(to: draw(7)))
    #expect(!draw(7).isIdentical(to: draw(8)))
    let permutation = Tensor.randperm(100, generator: Generator(seed: 1)).array(of: Int.self)
    #expect(permutation.sorted() == Array(0..<100))
    let uniform = Tensor.uniform([1000], in: 2..<3, generator: Generator(seed: 1))
    #expect(uniform.min().item() >= 2 && uniform.max().item() < 3)
  }

  @Test("shared memory is released when the last tensor over it goes")
  func sharedMemory() {
    let released = Flag()
    do {
      let memory = UnsafeMutablePointer<Float>.allocate(capacity: 4)
      memory.initialize(repeating: 3, count: 4)
      let view = Tensor(sharing: memory, shape: [4], dtype: .float32) {
        $0.deallocate()
        released.isSet = true
      }.narrow(0, 1..<3)
      #expect(view.sum().item() == 6)
      #expect(!released.isSet)
    }
    #expect(released.isSet)
  }

  @Test("every handle is freed: the count of live tensors returns to its start")
  func liveTensors() {
    let before = TorchRuntime.liveTensorCount
    for _ in 0..<10 {
      let tensor = Tensor.ones([8, 8]).requireGradient()
      let square = DifferentiableOperation { inputs in
        ([inputs[0] * inputs[0]], { [$0[0] * inputs[0] * 2] })
      }
      square(tensor)[0].sum().backward()
      #expect(tensor.gradient!.array(of: Float.self).allSatisfy { $0 == 2 })
    }
    #expect(TorchRuntime.liveTensorCount == before)
  }
}

private final class Flag: @unchecked Sendable { var isSet = false }

@Suite struct RuntimeTests {
  @Test("the loaded libtorch is the one compiled for")
  func version() throws {
    try TorchRuntime.checkVersion()
    #expect(TorchRuntime.compiledVersion == "2.11.0")
  }

  @Test("another libtorch is refused with both versions named")
  func versionMismatch() {
    let error = #expect(throws: TorchError.self) { try TorchRuntime.check(loaded: "2.10.0", compiled: "2.11.0") }
    #expect(error?.description.contains("built for libtorch 2.11.0, but found libtorch 2.10.0") == true)
  }

  @Test("devices have names, and an unknown or absent one is refused plainly")
  func devices() throws {
    #expect(try Device(named: "cpu") == .cpu)
    let unknown = #expect(throws: TorchError.self) { try Device(named: "gpu") }
    #expect(unknown?.description == "unknown device 'gpu': expected auto, cpu, cuda or cuda:N")
    if CUDA.deviceCount == 0 {
      #expect(try Device(named: "auto") == .cpu)
      let absent = #expect(throws: TorchError.self) { try Device(named: "cuda") }
      #expect(absent?.description.hasPrefix("CUDA is not available: ") == true)
      #expect(absent?.description.contains("\n") == false)
    }
  }
}
