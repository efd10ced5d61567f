import Foundation
import Launching
import SimCLR
import Torch
import TorchDistributed

/// Runs `body` together with the other processes of the job, if a launcher started this one among several, else alone.
///
/// When it fails, the others are told why; when another process failed first, the error says which one and why.
func withOtherProcesses<Result>(_ configuration: Configuration, _ body: (World) throws -> Result) throws -> Result {
  let variables = ProcessInfo.processInfo.environment
  guard let place = try RankEnvironment.detect(in: variables) else { return try body(.alone()) }
  var options = configuration.distributed.worldOptions
  // A pinned worker sees its own cores only.
  if variables[SupervisorVariable.cores.rawValue] != nil {
    options.coreCount = Cores.available
  }
  let world = try World.join(place, options: options)
  do {
    let result = try body(world)
    try world.leave()
    return result
  } catch let error as DistributedError {
    let explained = world.explanation(of: error)
    world.part(failure: explained.isConsequence ? nil : explained.description)
    throw explained
  } catch {
    world.part(failure: "\(error)")
    throw error
  }
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
