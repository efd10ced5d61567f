import CProcessor
import Foundation

/// Pixels are worked on by instructions of x86-64-v3, which end a program on a processor that has not got them.
enum ProcessorCheck {
  /// Ends the program with a line that says why, where it would crash. To be called before anything else: it uses nothing
  /// but C, for whatever Swift shares with modules that are compiled for such processors may be one of those instructions.
  static func leaveIfTooOld() {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CPROCESSOR_TEXT_SIZE)) { missing in
      guard cprocessor_list_missing(missing.baseAddress) > 0 else { return }
      say("error: this processor lacks ")
      say(missing.baseAddress!)
      say("; simclr needs one of x86-64-v3: Intel's since Haswell (2013), AMD's since Zen (2017)")
      say(". In a virtual machine, choose its host's kind of processor\n")
      _exit(1)
    }
  }

  private static func say(_ text: UnsafePointer<CChar>) { _ = write(STDERR_FILENO, text, strlen(text)) }
}
