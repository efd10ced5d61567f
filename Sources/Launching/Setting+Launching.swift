import Errors

extension Setting {
  /// Processes on each machine.
  public static let processCount = Setting("processes on each machine")
  /// Machines.
  public static let machineCount = Setting("machines")
  /// The number of this machine, from 0.
  public static let machineNumber = Setting("the number of this machine")
  /// Where node 0 listens.
  public static let rendezvous = Setting("the rendezvous")
  /// How often workers are started again.
  public static let restarts = Setting("restarts")
  /// That a run is gone on with.
  public static let resuming = Setting("resuming")
}
