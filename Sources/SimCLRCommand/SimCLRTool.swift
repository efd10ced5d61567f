import ArgumentParser
import Augmentation
import DataSets
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
    do {
      var command = try parseAsRoot(ProgramArguments.all)
      try TorchRuntime.checkVersion()
      try command.run()
      Console.finish()
    } catch {
      leave(with: error)
    }
  }

  private static func leave(with error: Error) -> Never {
    let code = error.isWrongUsage ? ExitCode.wrongUsage : .failed
    switch error {
    case let stop as ExitCode: leave(stop)
    case let error as DistributedError where error.origin == .everywhere && !isSupervised: leave(code)
    case is ConfigurationError, is LaunchError, is RunError, is EvaluationError, is TorchError, is ImageError,
      is DataSetError, is AugmentationError, is LoadingError, is DistributedError:
      leave(code, "\(error)")
    default: break
    }
    guard exitCode(for: error) == .validationFailure else {
      if exitCode(for: error).isSuccess { exit(withError: error) }
      leave(.failed, message(for: error))
    }
    BackgroundOutput.standardError.write(fullMessage(for: error) + "\n")
    leave(.wrongUsage)
  }

  /// Whether a supervisor chooses among the errors of all ranks.
  private static var isSupervised: Bool { RankEnvironment.isSupervised(ProcessInfo.processInfo.environment) }

  private static func leave(_ code: ExitCode, _ message: String) -> Never {
    BackgroundOutput.standardError.write("error: \(message)\n")
    leave(code)
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
