import Launching
import Testing

@Suite struct ProgramArgumentsTests {
  @Test("what the kernel keeps is what Swift's runtime found")
  func kernel() {
    #expect(ProgramArguments.ofKernel() == CommandLine.arguments)
  }

  @Test("the kernel is asked where the runtime found nothing, not even a name")
  func fallback() {
    #expect(ProgramArguments.after(["simclr", "doctor", ""], orElse: ["other", "x"]) == ["doctor", ""])
    #expect(ProgramArguments.after([], orElse: ["simclr", "doctor", "--json"]) == ["doctor", "--json"])
    #expect(ProgramArguments.after([], orElse: []) == [])
  }
}
