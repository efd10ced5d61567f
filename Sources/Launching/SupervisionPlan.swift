/// How many processes a supervisor starts on this machine, and as which part of a job.
public struct SupervisionPlan: Equatable, Sendable {
  /// Workers on each machine, at least 1.
  public let processesPerNode: Int
  /// Machines, each with a supervisor of its own, at least 1.
  public let nodes: Int
  /// This machine's number, 0 to `nodes` − 1. Node 0's supervisor holds the store.
  public let nodeRank: Int
  /// Where node 0 listens; nil on one machine: loopback, any free port.
  public let rendezvous: Endpoint?
  /// What all processes of a job on several machines know; nil on one machine: drawn anew for each attempt.
  public let token: String?
  /// How often all workers are started again after one failed.
  public let maximumRestarts: Int
  /// How long the others may take to end by themselves after one failed.
  public var killDelay = Duration.seconds(2)

  /// Characters that a token needs: as many hexadecimal digits make 64 bits.
  static let shortestToken = 16

  /// Checks that the numbers fit together.
  ///
  /// - Throws: ``LaunchError`` (wrong usage).
  public init(
    processesPerNode: Int, nodes: Int = 1, nodeRank: Int? = nil, rendezvous: Endpoint? = nil, token: String? = nil,
    maximumRestarts: Int = 0
  ) throws {
    guard processesPerNode >= 1 else {
      throw LaunchError.usage(.processCount, expected: "at least 1", got: "\(processesPerNode)")
    }
    guard nodes >= 1 else { throw LaunchError.usage(.machineCount, expected: "at least 1", got: "\(nodes)") }
    guard maximumRestarts >= 0 else {
      throw LaunchError.usage(.restarts, expected: "at least 0", got: "\(maximumRestarts)")
    }
    if nodes > 1 {
      try Self.checkNodes(nodes, nodeRank, rendezvous, token)
    } else if rendezvous != nil || nodeRank ?? 0 != 0 {
      throw LaunchError.usage(
        "\(name: .machineNumber) and \(name: .rendezvous) belong to several machines: expected \(name: .machineCount) of at least 2"
      )
    }
    self.processesPerNode = processesPerNode
    self.nodes = nodes
    self.nodeRank = nodeRank ?? 0
    self.rendezvous = rendezvous
    self.token = nodes > 1 ? token : nil
    self.maximumRestarts = maximumRestarts
  }

  private static func checkNodes(_ nodes: Int, _ nodeRank: Int?, _ rendezvous: Endpoint?, _ token: String?) throws {
    guard let nodeRank, (0..<nodes).contains(nodeRank) else {
      throw LaunchError.usage(
        .machineNumber, expected: "0 to \(nodes - 1), another on each of the \(nodes) machines",
        got: nodeRank.map(String.init) ?? "none")
    }
    guard rendezvous != nil else {
      throw LaunchError.usage(
        .rendezvous, expected: "HOST:PORT on several machines: a name or address of node 0 and a free port there")
    }
    guard let token, token.count >= shortestToken else {
      throw LaunchError.usage(
        Setting(SupervisorVariable.token.rawValue),
        expected: "a secret of at least \(shortestToken) characters, the same on all machines",
        got: token == nil ? "none" : "a shorter one",
        advice: "make one with `openssl rand -hex 32` and set it in the environment of every machine")
    }
  }

  /// Processes on all machines.
  public var worldSize: Int { processesPerNode * nodes }
  /// Whether this machine's supervisor holds a store: node 0's, where there is somebody to meet.
  public var needsStore: Bool { nodeRank == 0 && worldSize > 1 }
}
