import Foundation
import Launching

/// A supervisor as a process of its own, for tests to send signals to:
/// `supervise-for-tests PROCESSES RESTARTS NODES NODE_RANK RENDEZVOUS PROGRAM [ARGUMENT…]`, `-` for no rendezvous.
@main
enum SuperviseForTests {
  /// Listens nowhere; tells on standard output what it was asked for.
  struct SilentHost: RendezvousHost {
    func start(listeningOn host: String, port: Int) throws -> Int {
      say("store on \(host):\(port)")
      return port == 0 ? 4711 : port
    }

    func stop() { say("store stopped") }

    private func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
  }

  static func main() {
    let arguments = CommandLine.arguments
    let numbers = arguments[1...4].map { Int($0)! }
    let variables = ProcessInfo.processInfo.environment
    do {
      let plan = try SupervisionPlan(
        processesPerNode: numbers[0], nodes: numbers[2], nodeRank: numbers[2] > 1 ? numbers[3] : nil,
        rendezvous: Endpoint(arguments[5]), token: variables[SupervisorVariable.token.rawValue],
        maximumRestarts: numbers[1])
      let program = WorkerProgram(
        executable: arguments[6], arguments: Array(arguments[7...]), environment: variables, resumeArgument: "--resume")
      let outcome = try Supervisor(plan, program: program, host: SilentHost()).run()
      if let failure = outcome.failure { report(failure.text()) }
      BackgroundOutput.standardError.finish()
      exit(outcome.exitCode)
    } catch let error as LaunchError {
      report(error.description)
      exit(error.isWrongUsage ? 2 : 1)
    } catch {
      report("\(error)")
      exit(1)
    }
  }

  private static func report(_ failure: String) {
    BackgroundOutput.standardError.write("error: \(failure)\n")
    BackgroundOutput.standardError.finish()
  }
}
