import FakeCUDA
import TestSupport
import Testing
import Torch

/// On a device that only writes down what it is asked for.
@Suite(.serialized, .enabled(if: CUDA.deviceCount == 0, "a real device answers")) struct DeviceUploaderTests {
  private func takeLog() -> [String] { String(cString: fake_cuda_take_log()).split(separator: "\n").map(String.init) }

  @Test("tensors are copied on a stream of their own, and what computes waits for them on the device")
  func order() throws {
    let tensors = [Tensor.pattern("a", [2, 3, 4, 4]).channelsLast(), Tensor.pattern("b", [5])]
    let uploader = try DeviceUploader(to: .cuda(0))
    _ = takeLog()
    uploader.begin(tensors)
    #expect(takeLog() == ["stream 7 copies", "stream 7 copies", "stream 7 marks"])
    let copies = uploader.finish()
    #expect(takeLog() == ["stream 0 waits", "memory is kept for stream 0", "memory is kept for stream 0"])
    for (copy, tensor) in zip(copies, tensors) {
      #expect(copy.device == .cuda(0))
      #expect(copy.isChannelsLast == tensor.isChannelsLast)
      #expect(copy.to(device: .cpu).isIdentical(to: tensor))
    }
    uploader.begin([tensors[1]])
    #expect(uploader.finish().count == 1)
  }

  @Test("a tensor goes to a CUDA device without waiting for it, on the stream that computes")
  func withoutWaiting() {
    _ = takeLog()
    _ = Tensor.pattern("a", [5]).to(device: .cuda(0))
    #expect(takeLog() == ["stream 0 copies"])
  }

  @Test("there is nothing to upload to a CPU")
  func cpu() {
    let error = #expect(throws: TorchError.self) { try DeviceUploader(to: .cpu) }
    #expect(error?.description == "expected a CUDA device")
  }

  @Test("where there is no CUDA, there is no pinned memory")
  func pinned() { #expect(Tensor.pinned([4], dtype: .float32) == nil) }
}
