import CTorch
import Torch

/// Processes that compute together: each has a rank from 0 to ``size`` − 1, and all make the same exchanges in the same
/// order (c10d's ProcessGroup over Gloo).
///
/// A group of one exchanges nothing. After an exchange has failed, all of this group and its companions fail at once:
/// processes that no longer agree on what comes next have nothing to say to each other.
public final class ProcessGroup: @unchecked Sendable {
  public let rank: Int
  public let size: Int
  let handle: OpaquePointer?

  /// How long exchanges took that the calling thread waited for. Read and written by the training thread.
  public private(set) var waited = Duration.zero

  /// How the numbers of the processes become one.
  public enum Reduction: Int32, Sendable {
    case sum = 0
    case minimum = 1
    case maximum = 2
  }

  /// The group of this process alone.
  public static func single() -> ProcessGroup { ProcessGroup(rank: 0, size: 1, owning: nil) }

  private init(rank: Int, size: Int, owning handle: OpaquePointer?) {
    (self.rank, self.size, self.handle) = (rank, size, handle)
  }

  deinit { if let handle { ctorch_process_group_free(handle) } }

  /// Connects the processes that find each other through `store`, over TCP.
  ///
  /// - Parameters:
  ///   - store: prefixed so that no other group uses its keys.
  ///   - address: the numeric address of this machine to listen on.
  ///   - interface: the network interface to listen on instead.
  ///   - timeout: how long an exchange may take before it has failed.
  ///   - companion: a group that fails together with this one.
  /// - Throws: ``DistributedError`` when not all arrive within `timeout`.
  public static func gloo(
    _ store: Store, rank: Int, size: Int, address: String, interface: String? = nil, timeout: Duration,
    companion: ProcessGroup? = nil
  ) throws -> ProcessGroup {
    // c10d waits for the store without end.
    let connecting = result(within: timeout * 2) {
      var handle: OpaquePointer?
      ctorch_process_group_gloo(
        store.handle, Int32(rank), Int32(size), address, interface, timeout.milliseconds, companion?.handle, &handle)
      return handle.map { ProcessGroup(rank: rank, size: size, owning: $0) }
    }
    guard let connecting, let group = connecting else {
      throw DistributedError("rank \(rank) could not connect with the others", origin: .unknown)
    }
    return group
  }
}

// MARK: - Exchanges

extension ProcessGroup {
  /// Whether there is something to exchange through; a group of one has nothing unless it was made to.
  public var isConnected: Bool { handle != nil }

  /// Whether an exchange failed.
  public var hasFailed: Bool { handle.map(ctorch_process_group_has_failed) ?? false }

  /// Bytes of tensors that this process sent in this group and its companions: of an all-reduce 2 (W − 1) / W times the
  /// tensor (what a ring sends), of an all-gather W − 1 times its own part. A tensor of up to 32 KiB on the CPU is not
  /// reduced around a ring, but sent to each of up to seven others: W − 1 times.
  public var sentBytes: Int { handle.map { Int(ctorch_process_group_sent_bytes($0)) } ?? 0 }

  /// Bytes that each process sends for an all-reduce of a tensor of `bytes`, as ``sentBytes`` counts them.
  public static func bytesSent(allReducing bytes: Int, among processes: Int, on device: Device) -> Int {
    Int(ctorch_all_reduce_sent_bytes(Int32(processes), Int64(bytes), device == .cpu))
  }

  /// Reduces a tensor over the processes, in place.
  ///
  /// - Throws: ``DistributedError`` when a process does not take part; so do the other exchanges.
  public func allReduce(_ tensor: Tensor, _ reduction: Reduction = .sum) throws {
    try exchange { ctorch_all_reduce($0, tensor.handle, reduction.rawValue) }
  }

  /// Joins the tensors of all processes `[N, …]` along the first dimension, by rank: `[W N, …]`.
  public func allGather(_ tensor: Tensor) throws -> Tensor {
    var result: OpaquePointer?
    try exchange { ctorch_all_gather($0, tensor.handle, &result) }
    return result.map(Tensor.init(owning:)) ?? tensor.detached()
  }

  /// Overwrites a tensor with that of the process `root`.
  public func broadcast(_ tensor: Tensor, from root: Int = 0) throws {
    try exchange { ctorch_broadcast($0, tensor.handle, Int32(root)) }
  }

  /// Closes the connections, so that the others notice at once, and has all further exchanges of this group and its
  /// companions fail.
  public func abandon() { if let handle { ctorch_process_group_fail(handle) } }

  private func exchange(_ body: (OpaquePointer) -> ctorch_status) throws {
    guard let handle else { return }
    let start = ContinuousClock.now
    defer { waited += start.duration(to: .now) }
    let status = body(handle)
    // As anywhere: that another process is at fault is not to be said.
    if status == CTORCH_OUT_OF_MEMORY { leaveWithoutMemory(in: "an exchange between the processes") }
    guard status == CTORCH_OK else {
      throw DistributedError("an exchange between the processes failed", origin: .unknown)
    }
  }
}

// MARK: - Exchanges within a network

extension ProcessGroup {
  /// Joins the tensors of all processes, as ``allGather(_:)`` does, with gradient: what every process finds as the
  /// gradient of this process's part is added up.
  ///
  /// Networks cannot throw: after a failure the result is NaN, and ``hasFailed`` says why.
  public func gather(_ tensor: Tensor) -> Tensor {
    guard size > 1 else { return tensor }
    let gathering = DifferentiableOperation { [self] inputs in
      let part = inputs[0]
      let length = part.shape[0]
      return (
        [allGatherOrNaN(part)],
        { [self] gradients in
          let total = gradients[0].clone()
          allReduceOrNaN(total)
          return [total.narrow(0, rank * length..<(rank + 1) * length)]
        }
      )
    }
    return gathering(tensor)[0]
  }

  /// The sum of the tensors of all processes, with gradient: what all processes find as the gradient of the sum is added up.
  ///
  /// Networks cannot throw: after a failure the result is NaN, and ``hasFailed`` says why.
  public func sum(_ tensor: Tensor) -> Tensor {
    guard size > 1 else { return tensor }
    let summing = DifferentiableOperation { [self] inputs in
      let total = inputs[0].clone()
      allReduceOrNaN(total)
      return (
        [total],
        { [self] gradients in
          let gradient = gradients[0].clone()
          allReduceOrNaN(gradient)
          return [gradient]
        }
      )
    }
    return summing(tensor)[0]
  }

  /// ``allGather(_:)`` where nothing can be thrown.
  func allGatherOrNaN(_ tensor: Tensor) -> Tensor {
    (try? allGather(tensor))
      ?? Tensor.full(
        [size * tensor.shape[0]] + tensor.shape.dropFirst(), .nan, dtype: tensor.dtype, device: tensor.device)
  }

  /// ``allReduce(_:_:)`` where nothing can be thrown.
  public func allReduceOrNaN(_ tensor: Tensor) {
    if (try? allReduce(tensor)) == nil { tensor.fill_(.nan) }
  }
}
