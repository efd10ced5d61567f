import Foundation

/// The program that workers run.
public struct WorkerProgram: Sendable {
  /// A path.
  public var executable: String
  /// Without the program's name.
  public var arguments: [String]
  /// What workers inherit, before the supervisor's variables.
  public var environment: [String: String]
  /// The argument that has the program go on from its last checkpoint after a restart; nil where it has none.
  public var resumeArgument: String?

  /// Describes a program.
  public init(
    executable: String, arguments: [String], environment: [String: String], resumeArgument: String? = nil
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.resumeArgument = resumeArgument
  }

  /// The program that runs, with its own arguments.
  public static func current(resumeArgument: String? = nil) -> WorkerProgram {
    let link = "/proc/self/exe"
    // The path gives workers the program's name in process lists. A file that was replaced meanwhile is reached by the
    // link only.
    let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) ?? link
    return WorkerProgram(
      executable: access(path, X_OK) == 0 ? path : link, arguments: ProgramArguments.all,
      environment: ProcessInfo.processInfo.environment, resumeArgument: resumeArgument)
  }

  /// The arguments of an attempt: from the second on they ask to resume.
  func arguments(forAttempt attempt: Int) -> [String] {
    guard attempt > 0, let resumeArgument else { return arguments }
    // What follows "--" is no option.
    let options = arguments.firstIndex(of: "--") ?? arguments.endIndex
    if arguments[..<options].contains(resumeArgument) { return arguments }
    return arguments[..<options] + [resumeArgument] + arguments[options...]
  }
}
