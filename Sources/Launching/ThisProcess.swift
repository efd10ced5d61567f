import CLinux

/// What a program that trains wants of the system from its start.
public enum ThisProcess {
  /// Raises the limit of open files as far as it may be: a connection of a stranger's keeps a descriptor for ever. Has
  /// SIGQUIT and SIGABRT end the process: Swift's runtime answers them with a backtrace and lets it run on. A limit of a
  /// file's size gives an error, as a full disk does.
  public static func prepare() {
    linux_raise_descriptor_limit()
    linux_signals_end()
    linux_file_limit_gives_errors()
  }
}
