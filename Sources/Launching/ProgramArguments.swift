import Foundation

/// What this process was started with.
public enum ProgramArguments {
  /// Without the program's name.
  ///
  /// Swift's runtime, when it is linked into the program, looks for them on the stack beside the environment, and finds none
  /// where a library's initializer has moved that: libtorch's do. The kernel knows them.
  public static let all = after(CommandLine.arguments, orElse: ofKernel())

  /// Those after the program's name, of the first list that has one.
  package static func after(_ found: [String], orElse known: @autoclosure () -> [String]) -> [String] {
    Array((found.isEmpty ? known() : found).dropFirst())
  }

  /// All that Linux keeps of this process, its name first.
  package static func ofKernel() -> [String] {
    guard let bytes = try? FileHandle(forReadingAtPath: "/proc/self/cmdline")?.readToEnd() else { return [] }
    // Each ends with a zero, the last one too.
    return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}
