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
        + " --output run projection_head.hidden_dimension=4000000 2>rank-\(rank).err"
    }
    // The one weight of 512 MB does not fit into what libtorch leaves of 1 GB.
    let outcome = try program.shell("\(lines[0]) & (ulimit -v 1000000; \(lines[1])); echo $?; wait $!")
    #expect(outcome.exitCode == 1 && outcome.output == "1\n")
    let errors = try (0..<2).map {
      try String(contentsOf: program.folder.appendingPathComponent("rank-\($0).err"), encoding: .utf8)
        .split(separator: "\n").filter { $0.hasPrefix("error: ") }.joined(separator: "\n")
    }
    #expect(errors[1].hasPrefix("error: out of memory in "), "\(errors[1])")
    #expect(errors[1].hasSuffix(": not enough memory for 512000000 bytes. Try a smaller batch or image size"))
    #expect(errors[0] == "error: rank 1 failed: " + errors[1].dropFirst("error: ".count))
  }

  @Test("libtorch's messages are off where processes meet, unless the environment asks for them")
  func messages() throws {
    let program = try Program()
    defer { program.remove() }
    let arguments = ["--output", "run", "distributed.timeout_seconds=1"]
    let outcomes = try [[:], ["TORCH_CPP_LOG_LEVEL": "INFO"]].map { variables in
      try program.finish(
        program.startRank(1, of: 2, port: Program.freePort(), variables: variables, arguments))
    }
    for outcome in outcomes { #expect(outcome.errors.contains("error: no answer from the rendezvous at ")) }
    #expect(outcomes[0].errors.split(separator: "\n").count == 1, "\(outcomes[0].errors)")
    #expect(outcomes[1].errors.contains("[c10d]"), "\(outcomes[1].errors)")
  }
}
