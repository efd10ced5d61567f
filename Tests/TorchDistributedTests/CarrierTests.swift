import TestSupport
import Testing
import TorchDistributed

@Suite struct CarrierTests {
  @Test("NCCL is chosen where no two processes have one GPU, whatever numbers they call theirs by")
  func own() {
    #expect(Carrier.chosen(from: [offer(bus: "a"), offer(bus: "b")]) == .nccl)
    // One place in two machines.
    #expect(Carrier.chosen(from: [offer(bus: "a", machine: "x"), offer(bus: "a", machine: "y")]) == .nccl)
    #expect(
      Carrier.chosen(from: [offer(bus: "a"), offer(bus: "b"), offer(bus: "b")])
        == .gloo(because: "ranks 1 and 2 are on one GPU, NVIDIA A100 at b"))
  }

  @Test("where a process has no NCCL it is Gloo, and the reason is told, once where all have the same")
  func reasons() {
    let without = Carrier.Offer(obstacle: "no library")
    #expect(Carrier.chosen(from: [without, without]) == .gloo(because: "no library"))
    #expect(Carrier.chosen(from: [offer(bus: "a"), without]) == .gloo(because: "rank 1: no library"))
    #expect(Carrier.chosen(from: [.init(), .init()]) == .gloo(because: nil))
  }

  @Test("all processes choose the same, and none is connected over NCCL when it is Gloo")
  func agreement() throws {
    var options = testOptions()
    options.offer = offer(bus: "a")
    let carriers = try withRanks(3, options: options) { $0.carrier }
    #expect(carriers == Array(repeating: .gloo(because: "ranks 0 and 1 are on one GPU, NVIDIA A100 at a"), count: 3))
  }

  @Test("a demand for NCCL on one GPU is refused by all, naming the ranks; rank 0's error is for people")
  func demand() {
    var options = testOptions()
    options.offer = offer(bus: "a", isDemand: true)
    let expected =
      "what carries exchanges: NCCL is asked for, but ranks 0 and 1 are on one GPU, NVIDIA A100 at a: give each process a GPU of its own, or use Gloo"
    for (rank, result) in (try! ranks(2, options: options) { _ in }).enumerated() {
      guard case .failure(let error as DistributedError) = result else {
        Issue.record("rank \(rank): \(result)")
        continue
      }
      #expect(error.description == expected && error.isWrongUsage)
      #expect((error.origin == .everywhere) == (rank != 0))
    }
  }

  private func offer(bus: String, machine: String = "x", isDemand: Bool = false) -> Carrier.Offer {
    .init(
      place: .init(device: 0, name: "NVIDIA A100", machine: machine, pciBusID: bus), obstacle: nil, isDemand: isDemand)
  }
}
