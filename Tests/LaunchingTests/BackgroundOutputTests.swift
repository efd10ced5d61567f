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
    // Far more than a pipe and the capacity hold. Which lines are left out is for the thread's timing to say.
    let total = 2000
    for number in 0..<total { output.write("\(number) " + String(repeating: "x", count: 99) + "\n") }
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
    output.write("\(total) is the end\n")
    while !text.hasSuffix("is the end\n") { readMore() }
    output.finish()
    var expected = 0
    var leftOut = 0
    for line in text.split(separator: "\n") {
      if line.hasPrefix("[") {
        #expect(line.hasSuffix(" lines were left out here, since nobody read them in time]"))
        let count = try #require(Int(line.dropFirst().prefix { $0 != " " }))
        expected += count
        leftOut += count
      } else {
        #expect(Int(line.prefix { $0 != " " }) == expected, "\(line.prefix(20))")
        expected += 1
      }
    }
    #expect(leftOut > 0 && expected == total + 1)
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
