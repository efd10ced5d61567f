import Foundation
import Launching
import SimCLR
import Torch
import TorchDistributed

/// Runs `body` together with the other processes of the job, if a launcher started this one among several, else alone.
func withOtherProcesses<Result>(_ configuration: Configuration, _ body: (World) throws -> Result) throws -> Result {
  let variables = ProcessInfo.processInfo.environment
  guard let place = try RankEnvironment.detect(in: variables) else { return try body(loneWorld(configuration)) }
  var options = try configuration.worldOptions(localRank: place.localRank, localSize: place.localWorldSize)
  // A pinned worker sees its own cores only.
  if variables[SupervisorVariable.cores.rawValue] != nil {
    options.coreCount = Cores.available
  }
  return try World.with(place, options: options, body)
}

/// One process needs nobody to exchange with, but does so over NCCL where that is asked for, to see that it works.
private func loneWorld(_ configuration: Configuration) throws -> World {
  guard configuration.distributed.backend == .nccl else { return .alone() }
  let options = try configuration.worldOptions(localRank: 0, localSize: 1)
  guard let device = options.cudaDevice else { return .alone() }
  return try .alone(over: device, timeout: options.timeout)
}

/// The store where the workers of a supervisor meet.
final class StoreHost: RendezvousHost {
  private var store: Store?

  func start(listeningOn host: String, port: Int) throws -> Int {
    let store = try Store.host(at: Endpoint(host: host, port: port))
    self.store = store
    return store.endpoint.port
  }

  func stop() { store = nil }
}
