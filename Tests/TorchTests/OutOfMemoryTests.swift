import Foundation
import TestSupport
import Testing
import Torch

/// As a program does.
private func endWithOneLine() {
  TorchRuntime.whenOutOfMemory { error in
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    _exit(1)
  }
}

/// Memory is made short in processes of their own.
@Suite struct OutOfMemoryTests {
  @Test("memory that runs out on one thread of an operation ends as on any other, with one line")
  func threads() async throws {
    let result = try await #require(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      endWithOneLine()
      TorchRuntime.setThreadCount(4)
      // Its pages are never touched; the sums, 512 MB for each thread, would be.
      let rows = Tensor.empty([4, 1 << 25], dtype: .bfloat16)
      try limitMemory(toMegabytesMore: 256)
      _ = Functional.batchNormSums(rows)
    }
    let text = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(
      text.contains("error: out of memory in batchNormSums([4, 33554432] bfloat16): not enough memory"), "\(text)")
  }

  @Test("last words are those of the bodies that the thread runs, the innermost first, before the process ends")
  func lastWords() async throws {
    let result = try await #require(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      endWithOneLine()
      @Sendable func words(_ name: String) -> @Sendable (TorchError) -> Void {
        { FileHandle.standardError.write(Data("\(name): \($0)\n".utf8)) }
      }
      let (began, ready) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
      // Another thread's body, which began last.
      Thread {
        began.wait()
        withLastWords(outOfMemory: words("another thread")) {
          ready.signal()
          sleep(60)
        }
      }.start()
      try withLastWords(outOfMemory: words("outer")) {
        try withLastWords(outOfMemory: words("inner")) {
          withLastWords(outOfMemory: words("over")) {}
          began.signal()
          ready.wait()
          try limitMemory(toMegabytesMore: 256)
          _ = Tensor.ones([1 << 28])
        }
      }
    }
    let lines = String(decoding: result.standardErrorContent, as: UTF8.self).split(separator: "\n")
    let error = "out of memory in full(): not enough memory for 1073741824 bytes. Try a smaller batch or image size"
    #expect(lines.suffix(3) == ["inner: \(error)", "outer: \(error)", "error: \(error)"], "\(lines)")
  }

  @Test("a program that says nothing of it traps with the error")
  func trap() async throws {
    let result = try await #require(processExitsWith: .signal(SIGILL), observing: [\.standardErrorContent]) {
      try limitMemory(toMegabytesMore: 256)
      _ = Tensor.ones([1 << 28])
    }
    let text = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(text.contains("out of memory in full(): not enough memory for 1073741824 bytes"), "\(text)")
  }
}
