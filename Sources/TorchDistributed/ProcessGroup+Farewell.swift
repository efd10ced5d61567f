import CTorch

/// What a process can learn and do about the loss of another one while its training thread waits for a CUDA device.
extension ProcessGroup {
  /// Waits, without end, until another process says that it leaves.
  ///
  /// - Returns: false when the connection to it closed before.
  func awaitFarewell(from other: Int) -> Bool {
    guard let handle else { return true }
    return ctorch_process_group_await_farewell(handle, Int32(other)) == CTORCH_OK
  }

  /// Says to another process that this one leaves. One that is gone is not told.
  func sayFarewell(to other: Int) {
    guard let handle else { return }
    _ = ctorch_process_group_say_farewell(handle, Int32(other))
  }

  /// Whether an exchange over NCCL, of this group or a companion, failed or took longer than the timeout.
  var hasErrorOverNCCL: Bool { handle.map(ctorch_process_group_nccl_has_error) ?? false }

  /// Ends exchanges over NCCL after the last one, as all processes of the group do.
  func endNCCL() { if let handle { ctorch_process_group_end_nccl(handle) } }

  /// Has all further exchanges of this group and its companions fail, and ends those over NCCL that another thread waits
  /// for.
  func abort() { if let handle { ctorch_process_group_abort(handle) } }
}
