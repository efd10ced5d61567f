import Foundation
import Launching
import Testing

@Suite struct BackgroundOutputTests {
  @Test("a reader who stalls holds nobody up, and is told how many lines were left out")
  func stalledReader() throws {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let output = BackgroundOutput(ends[1], capacity: 1000)
    // Far more than a pipe and the capacity hold.
    for _ in 0..<2000 { output.write(String(repeating: "x", count: 99) + "\n") }
    var text = ""
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    func readMore() {
      let count = read(ends[0], &bytes, bytes.count)
      text += String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
    readMore()
    _ = fcntl(ends[0], F_SETFL, 0)
    // The thread writes on, and there is room again.
    output.finish(within: .seconds(60))
    output.write("the end\n")
    while !text.hasSuffix("the end\n") { readMore() }
    output.finish()
    let lines = text.split(separator: "\n")
    let notes = lines.filter { $0.hasSuffix(" lines were left out here, since nobody read them in time]") }
    let leftOut = notes.compactMap { Int($0.dropFirst().prefix { $0 != " " }) }.reduce(0, +)
    #expect(leftOut > 0 && leftOut + lines.count { $0.hasPrefix("xxx") } == 2000)
    #expect(lines.suffix(2).first == notes.last && lines.last == "the end")
  }

  @Test("where nobody reads any more, nothing ends and nothing waits")
  func closedReader() {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    let output = BackgroundOutput(ends[1])
    output.write("nobody reads this\n")
    output.finish()
    close(ends[1])
  }
}
