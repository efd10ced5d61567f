/// A store where the processes of a job meet, held by a process that is not part of the training, so that no rank takes
/// it away when it ends.
public protocol RendezvousHost {
  /// Listens on the interface that has the address, and on no other.
  ///
  /// - Parameters:
  ///   - host: a name or an address of this machine.
  ///   - port: 1 to 65535, or 0 for any free one.
  /// - Returns: the port.
  /// - Throws: an error whose description is one plain line (port taken, host unknown).
  func start(listeningOn host: String, port: Int) throws -> Int

  /// Listens no longer.
  func stop()
}
