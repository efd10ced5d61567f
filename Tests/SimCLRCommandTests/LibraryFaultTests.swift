import Foundation
import Testing

/// What libtorch meets and the program answers for.
@Suite struct LibraryFaultTests {
  @Test("a rank that finds no memory for a tensor ends with one line, and the others quote it")
  func outOfMemory() throws {
    let program = try Program()
    defer { program.remove() }
    let port = try Program.freePort()
    let lines = (0..<2).map { rank in
      "RANK=\(rank) LOCAL_RANK=\(rank) WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=\(port) simclr pretrain recipe.yaml"
        + " --output run encoder.width=1 augmentation.image_size=192 training.global_batch_size=12 2>rank-\(rank).err"
    }
    let outcome = try program.shell("\(lines[0]) & (ulimit -v 1500000; \(lines[1])); echo $?; wait $!")
    #expect(outcome.exitCode == 1 && outcome.output == "1\n")
    let errors = try (0..<2).map {
      try String(contentsOf: program.folder.appendingPathComponent("rank-\($0).err"), encoding: .utf8)
        .split(separator: "\n").filter { $0.hasPrefix("error: ") }.joined(separator: "\n")
    }
    #expect(errors[1].hasPrefix("error: out of memory in "), "\(errors[1])")
    #expect(errors[1].contains(": not enough memory for "))
    #expect(errors[1].hasSuffix(" bytes. Try a smaller batch or image size"))
    #expect(errors[0] == "error: rank 1 failed: " + errors[1].dropFirst("error: ".count))
  }
}
