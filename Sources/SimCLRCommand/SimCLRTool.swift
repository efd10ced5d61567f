import ArgumentParser
import Augmentation
import DataSets
import Errors
import Evaluation
import Foundation
import Images
import Keys
import Launching
import Loading
import Pretraining
import Torch
import TorchDistributed

/// The program: reads the arguments, runs the command, and turns every error into a line and an exit code.
@main
struct SimCLRTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simclr",
    abstract: "Pretrain image encoders without labels by contrastive learning, and measure what was learned.",
    discussion: """
      A first run, on the images that the program draws itself:
        simclr data shapes data/shapes
        simclr pretrain Configurations/shapes-quickstart.yaml --output runs/first
        simclr evaluate knn runs/first --data data/shapes

      Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 75 stopped by a signal after a checkpoint.
      """,
    version: SimCLRVersion.current,
    subcommands: [
      PretrainCommand.self, EvaluateCommand.self, EmbedCommand.self, ExportCommand.self, DataCommand.self,
      AugmentCommand.self, BenchmarkCommand.self, DoctorCommand.self,
    ])

  static func main() {
    ProcessorCheck.leaveIfTooOld()
    ThisProcess.prepare()
    TorchRuntime.whenOutOfMemory { leave(with: $0) }
    do {
      var command = try parseAsRoot(ProgramArguments.all)
      try TorchRuntime.checkVersion()
      try command.run()
      Console.finish()
    } catch {
      leave(with: error)
    }
  }

  static func leave(with error: Error) -> Never {
    switch error {
    case let stop as ExitCode: leave(stop)
    case let error as DistributedError where error.origin == .everywhere && !isSupervised:
      leave(error.isWrongUsage ? .wrongUsage : .failed)
    case let error as any ExplainedError: leave(because: error.explanation)
    default: break
    }
    guard exitCode(for: error) == .validationFailure else {
      if exitCode(for: error).isSuccess { exit(withError: error) }
      leave(because: Explanation(Wording(message(for: error))))
    }
    BackgroundOutput.standardError.write(fullMessage(for: error) + "\n")
    leave(.wrongUsage)
  }

  /// Whether a supervisor chooses among the errors of all ranks.
  private static var isSupervised: Bool { RankEnvironment.isSupervised(ProcessInfo.processInfo.environment) }

  /// Says why, to the supervisor if there is one, else to people.
  private static func leave(because reason: Explanation) -> Never {
    if !WorkerReport.send(reason, variables: ProcessInfo.processInfo.environment) { Console.report(reason) }
    leave(reason.isWrongUsage ? .wrongUsage : .failed)
  }

  /// At once, for threads that still wait for processes that were lost must not be waited for.
  static func leave(_ code: ExitCode) -> Never {
    Console.finish()
    fflush(nil)
    _exit(code.rawValue)
  }
}

extension ExitCode {
  static let failed = ExitCode(1)
  static let wrongUsage = ExitCode(2)
  /// Run again with `--resume` (EX_TEMPFAIL).
  static let stoppedBySignal = ExitCode(75)
}
