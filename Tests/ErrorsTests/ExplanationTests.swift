import Errors
import Foundation
import Testing

private struct OvenError: ExplainedError {
  let explanation: Explanation

  init(_ explanation: Explanation) { self.explanation = explanation }
}

extension Setting {
  fileprivate static let heat = Setting("the heat")
}

@Suite struct ExplanationTests {
  private func flag(_ setting: Setting) -> String? { setting == .heat ? "--heat" : nil }

  @Test("an error says what is wrong, what was expected, what came and what to try, as far as it knows")
  func text() {
    #expect(OvenError("the door is open").description == "the door is open")
    #expect(OvenError("the door is open", advice: "close it").description == "the door is open: close it")
    #expect(
      OvenError("cake", expected: "a tin", got: "a plate", advice: "take a tin").description
        == "cake: expected a tin, got a plate: take a tin")
    #expect(OvenError("", expected: "a tin").description == "expected a tin")
    #expect(OvenError("cake", expected: "a tin").about("Sunday").description == "Sunday: cake: expected a tin")
    #expect(Explanation("", expected: "a tin").about("cake").text() == "cake: expected a tin")
  }

  @Test("settings have the names of the upper floor, or else stand for what they are")
  func settings() {
    let error = OvenError(
      "\(name: .heat) of 300", expected: "at most 250\(hint: .heat)",
      advice: "ask for less\(ifNamed: .heat, after: " with ", before: " 200")")
    #expect(error.description == "the heat of 300: expected at most 250: ask for less")
    let named = "--heat of 300: expected at most 250 (--heat): ask for less with --heat 200"
    #expect(error.explanation.text(naming: flag) == named)
    #expect(error.explanation.named(flag).text() == named)
    #expect(error.explanation.named { _ in nil } == error.explanation)
    #expect(error.explanation.about("cake").text(naming: flag) == "cake: " + named)
  }

  @Test("an explanation travels as data, with settings that another process names")
  func travels() throws {
    let plain = Explanation("cake", expected: "a tin", got: "a plate", advice: "take a tin", isWrongUsage: true)
    let data = try JSONEncoder().encode(plain)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let texts = object.compactMapValues { $0 as? String }
    #expect(texts == ["problem": "cake", "expected": "a tin", "got": "a plate", "advice": "take a tin"])
    #expect(object.count == 5 && object["isWrongUsage"] as? Bool == true)
    for explanation in [plain, Explanation("\(name: .heat) is high\(hint: .heat)"), Explanation()] {
      #expect(
        try JSONDecoder().decode(Explanation.self, from: JSONEncoder().encode(explanation)) == explanation)
    }
  }

  @Test("wordings are the same however they were put together")
  func wordings() {
    let tin = "a tin"
    #expect(Wording("a tin") == "\(tin)" && ("a " as Wording) + "tin" == "a tin" && ("" as Wording).isEmpty)
    #expect("\("a tin" as Wording) and \(name: .heat)" as Wording == "a tin and \(name: .heat)")
  }

  @Test("errors tell whether the user is to blame, and others of this package nothing")
  func blame() {
    #expect(!OvenError("x").isWrongUsage && OvenError("x", isWrongUsage: true).isWrongUsage)
    let strange: any Error = CocoaError(.fileNoSuchFile)
    #expect(!strange.isWrongUsage && strange.explained.text().contains("\(CocoaError.Code.fileNoSuchFile.rawValue)"))
  }

  @Test("what a terminal would obey is shown, and an endless text is cut")
  func printable() {
    #expect(OvenError("a\u{1B}[31mb\nc").description == "a\\u{1B}[31mb\nc")
    #expect(OvenError(String(repeating: "a", count: 9000)).description.count == 4001)
    #expect(OvenError(Wording(String(repeating: "a", count: 9000)), advice: "stop").description.hasSuffix("a: stop"))
  }
}
