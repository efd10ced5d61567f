import CTorch
import Foundation
import Launching
import Torch

/// How the processes of a world connect over NCCL, once they have met: each of their groups in turn.
struct NCCLMeeting {
  /// Of this process alone: all its tensors lie there.
  let device: Int
  let timeout: Duration
  /// For c10d: its questions wait for their answers.
  private let store: Store
  /// For notes on who has come.
  private let notes: Store

  /// - Parameter notes: of this attempt.
  /// - Throws: ``DistributedError`` when the store no longer answers.
  init(device: Int, timeout: Duration, root: Store, keyPrefix: String, notes: Store) throws {
    (self.device, self.timeout, self.notes) = (device, timeout, notes)
    // c10d gives up after us, who know more.
    store = try Store.connect(to: root.endpoint, timeout: timeout * 2).namespaced(keyPrefix)
  }

  /// Has a group's tensors on CUDA devices exchanged over NCCL; those on the CPU stay with Gloo. All its processes must call
  /// this alike.
  ///
  /// - Parameters:
  ///   - name: another one for each group.
  ///   - ranks: of the group's processes in the world.
  /// - Throws: ``DistributedError`` when NCCL cannot connect, or does not within the timeout: then it names who did not come.
  func connect(_ group: ProcessGroup, _ name: String, _ ranks: Range<Int>) throws {
    guard group.isConnected else { return }
    let (store, device, timeout) = (try store.prefixed("nccl/\(name)/\(ranks.lowerBound)/"), device, timeout)
    let rank = ranks.lowerBound + group.rank
    try notes.set(Self.key(name, rank), "")
    // NCCL waits for the others without end.
    let outcome = result(within: timeout, unless: group.hasFailed) { () -> Result<Void, TorchError> in
      let status = ctorch_process_group_use_nccl(group.handle, store.handle, Int32(device), timeout.milliseconds)
      return status == CTORCH_OK ? .success(()) : .failure(.last())
    }
    guard let outcome else { throw try silence(name, rank, ranks, hasFailed: group.hasFailed) }
    do {
      try outcome.get()
    } catch {
      throw DistributedError("rank \(rank) could not connect over NCCL: \(error)")
    }
    // The device of this thread, too. Without CUDA a test's library stands for NCCL, and there is none to set.
    _ = ctorch_cuda_set_device(Int32(device))
  }

  private static func key(_ name: String, _ rank: Int) -> String { "nccl-begun/\(name)/\(rank)" }

  private func silence(_ name: String, _ rank: Int, _ ranks: Range<Int>, hasFailed: Bool) throws -> DistributedError {
    if hasFailed { return DistributedError("connecting over NCCL failed", origin: .unknown) }
    let missing = try ranks.filter { try !notes.has(Self.key(name, $0)) }
    guard missing.isEmpty else {
      return DistributedError(
        "\(World.ranks(missing)) did not come to connect over NCCL within \(timeout.wholeSeconds) s",
        advice: "see what became of \(missing.count == 1 ? "it" : "them")",
        origin: .elsewhere)
    }
    return DistributedError(
      "rank \(rank) could not connect over NCCL within \(timeout.wholeSeconds) s, though all ranks began to",
      advice:
        "name the network interface between them\(hint: .networkInterface), see what NCCL says with NCCL_DEBUG=INFO, or use Gloo\(hint: .exchangeBackend)"
    )
  }
}

// MARK: - Environment

extension NCCL {
  /// Has NCCL meet over a network interface, unless the environment names one: the one that was asked for, or loopback
  /// where all processes are on this machine. It must be called before the first group, and before there are threads that
  /// could read the environment.
  package static func choose(interface: String?, isOneMachine: Bool) {
    guard let name = interface ?? (isOneMachine ? "lo" : nil) else { return }
    // With "=" the name is not a prefix of others.
    setenv("NCCL_SOCKET_IFNAME", "=\(name)", 0)
  }
}
