import Foundation
import Launching
import Pretraining
import Torch
import TorchDistributed

/// Runs `body` together with the other processes of the job, if a launcher started this one among several, else alone.
///
/// - Parameter read: reads the configuration; what is wrong with it is told to the others, too.
func withOtherProcesses<Result>(
  _ read: () throws -> ResolvedConfiguration, _ body: (ResolvedConfiguration, World) throws -> Result
) throws -> Result {
  let launch = try LaunchPlace.ofThisProcess()
  guard let place = launch.rank else {
    if let remark = launch.remark {
      let otherWay = launch.processCount.map { ", or with --processes \($0)" } ?? ""
      BackgroundOutput.standardError.write("\(remark)\(otherWay)\n")
    }
    let configuration = try read()
    return try body(configuration, loneWorld(configuration))
  }
  let configuration = Swift.Result(catching: read)
  return try World.with(place, options: configuration.get().worldOptions(at: place)) { world in
    try body(configuration.get(), world)
  }
}

extension ResolvedConfiguration {
  fileprivate func worldOptions(at place: RankEnvironment) throws -> World.Options {
    var options = try worldOptions(localRank: place.localRank)
    options.endStuckProcess = { SimCLRTool.leave(with: $0) }
    // A pinned worker sees its own cores only.
    if ProcessInfo.processInfo.environment[SupervisorVariable.cores.rawValue] != nil {
      options.coreCount = Cores.available
    }
    return options
  }
}

/// One process needs nobody to exchange with, but does so over NCCL where that is asked for, to see that it works.
private func loneWorld(_ configuration: ResolvedConfiguration) throws -> World {
  guard configuration.distributed.backend == .nccl else { return .alone() }
  let options = try configuration.worldOptions(localRank: 0)
  guard let device = options.offer.place?.device else { return .alone() }
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
