import Keys
import Testing

/// What comes from declarations, whatever is declared.
@Suite struct KeysTests {
  private func error(_ yaml: String, _ overrides: String...) -> String {
    do {
      var reading = Reading(Kitchen.keys, over: Kitchen())
      try reading.lay(yaml: yaml, name: "menu.yaml")
      for override in overrides { try reading.lay(override: override) }
      _ = try reading.checked()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "every text is read as it was written",
    arguments: [
      "", " ", "plain", "/a/b c", "12", "1e3", "0x1f", "yes", "No", "null", "~", "~/x", "=", "<<", "2001-01-01", "a: b",
      "a #b",
      "- a", "[a]", "{a}", "it's", "\"", "\\", "a\n", "\ta", "\u{1}\u{7f}\u{85}", "é τ 🙂", "\u{2028}\u{feff}", "a:",
      "@x", "%y",
      "!z", "&a", "*a", "|", ">", "?", "-", "--- a", "...",
    ])
  func texts(text: String) throws {
    var kitchen = Kitchen()
    (kitchen.label, kitchen.oven.note) = (text, text)
    #expect(try Kitchen.read(Kitchen.keys.yaml(of: kitchen)) == kitchen)
  }

  @Test(
    "every number is read as it was written, to the last bit",
    arguments: [
      0.1, 1e-300, 5e-7, 1 / 3, 0, 1, 123_456_789, 1e18, 1e300, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ])
  func numbers(number: Double) throws {
    var kitchen = Kitchen()
    kitchen.spice = number
    #expect(try Kitchen.read(Kitchen.keys.yaml(of: kitchen)).spice.bitPattern == number.bitPattern)
  }

  @Test("a configuration is written with every key that has a value, in the order of its declarations")
  func writing() {
    #expect(
      Kitchen.keys.yaml(of: Kitchen()) == """
        oven:
          heat: low
          minutes: 30
          note: ''
          is_clean: true
        spice: 0.1
        mix: [1.0, 0.5]
        label: soup

        """)
  }

  @Test("an override takes a path as it stands, however YAML would read it")
  func textOverrides() throws {
    for text in ["a: b", "[x] y", "{000..147}.tar", "it's", "a #b", "- a"] {
      #expect(try Kitchen.read("", "label=\(text)").label == text)
    }
    #expect(try Kitchen.read("", "label='quoted'").label == "quoted")
    #expect(try Kitchen.read("label: x", "label=").label == "")
  }

  @Test("a section can be given as a whole, and a key that may be left out can be taken back")
  func sections() throws {
    let kitchen = try Kitchen.read("ratio: 0.5\noven:", "oven={heat: off, minutes: 5}", "ratio=null")
    #expect(kitchen.oven.heat == .offline && kitchen.oven.minutes == 5 && kitchen.ratio == nil)
  }

  @Test("wrong values are refused with their place, what was expected and what came")
  func wrongValues() {
    #expect(
      error("oven:\n  heat: warm")
        == "menu.yaml, line 2: oven.heat: expected one of low, high, off, got 'warm'")
    #expect(error("oven: {minutes: 1.5}") == "menu.yaml, line 1: oven.minutes: expected a whole number, got '1.5'")
    #expect(
      error("oven: {minutes: 0}") == "menu.yaml, line 1: oven.minutes: expected 1 to 600 (ten hours), got 0")
    #expect(error("", "oven.minutes=") == "override 'oven.minutes=': oven.minutes: expected a whole number, got ''")
    #expect(error("mix: [1, x]") == "menu.yaml, line 1: mix: expected a list of numbers, got '[1, x]'")
    #expect(
      error("mix: [1, 0]") == "menu.yaml, line 1: mix: expected 2 numbers above 0, for salt and pepper, got [1.0, 0.0]")
    #expect(
      error("ratio: 2") == "menu.yaml, line 1: ratio: expected a number above 0 and up to 1, got 2.0")
    #expect(error("spice: {a: 1}") == "menu.yaml, line 1: spice is a value, not a section of keys")
    #expect(error("spice: 1\nspice: 2").hasPrefix("menu.yaml is not valid YAML: line "))
  }

  @Test("where keys do not go together, the one that somebody gave is named")
  func rules() {
    let text = "spice: expected at most 1 with oven.minutes above 60, got "
    #expect(error("spice: 2", "oven.minutes=90") == "menu.yaml, line 1: \(text)2.0")
    #expect(error("", "spice=2", "oven.minutes=60") == "no error")
    var kitchen = Kitchen()
    kitchen.spice = 2
    var reading = Reading(Kitchen.keys, over: kitchen)
    let refusal = #expect(throws: ConfigurationError.self) {
      try reading.lay(override: "oven.minutes=90")
      return try reading.checked()
    }
    #expect(refusal?.description == "override 'oven.minutes=90': \(text)2.0")
  }

  @Test(
    "a key that does not exist leads to one that does, by its name, its synonyms, or its name in another section",
    arguments: [
      ("oven.minute", "oven.minutes"), ("minutes", "oven.minutes"), ("oven.time", "oven.minutes"),
      ("time", "oven.minutes"),
      ("stove.minutes", "oven.minutes"), ("oven.isClean", "oven.is_clean"), ("Oven.Is-Clean", "oven.is_clean"),
      ("spices", "spice"), ("oven.spice", "spice"), ("temperature", "oven.heat"), ("oven.label", "label"),
    ])
  func hints(typed: String, meant: String) {
    #expect(error("", "\(typed)=1") == "override '\(typed)=1': unknown key '\(typed)': did you mean \(meant)?")
  }

  @Test("a section that does not exist leads to one that does")
  func sectionHints() {
    #expect(error("ofen: {heat: low}") == "menu.yaml, line 1: unknown section 'ofen': did you mean oven?")
    #expect(error("ofen:\n") == "menu.yaml, line 1: unknown section 'ofen': did you mean oven?")
    #expect(error("ofen: low") == "menu.yaml, line 1: unknown key 'ofen': did you mean mix?")
  }

  @Test("a key of any length is answered at once, by its beginning")
  func longKeys() {
    let long = String(repeating: "ofen", count: 100_000)
    #expect(error("", "\(long)=1").hasSuffix(": unknown key '\(long.prefix(100))…': did you mean oven.note?"))
  }

  @Test("keys that differ are told by what they are for")
  func differences() {
    var other = Kitchen()
    (other.oven.heat, other.oven.minutes, other.oven.note, other.ratio) = (.high, 5, "x", 0.5)
    let keys = Kitchen.keys
    #expect(
      keys.differences(between: Kitchen(), and: other, scopes: [.run]) == [
        Difference(name: "oven.heat", old: "low", new: "high"), Difference(name: "ratio", old: nil, new: "0.5"),
      ])
    #expect(keys.differences(between: Kitchen(), and: other, scopes: [.session]).map(\.name) == ["oven.minutes"])
    #expect(keys.differences(between: other, and: other, scopes: Set(Scope.allCases)).isEmpty)
    #expect(keys.written(other, scopes: [.process]).map(\.name) == ["oven.note", "oven.is_clean"])
    #expect(keys.summary(of: [.session, .process]) == "oven (but oven.heat)")
    #expect(keys.summary(of: [.session]) == "oven.minutes")
  }

  @Test("the reference tells of a key, of a section, or of everything")
  func reference() throws {
    let minutes = try #require(Kitchen.keys.reference(defaults: Kitchen(), topic: "oven.minutes").first)
    #expect(minutes.name == "oven.minutes" && minutes.defaultValue == "30" && minutes.values == "1 to 600 (ten hours)")
    #expect(
      try Kitchen.keys.reference(defaults: Kitchen()).first { $0.name == "spice" }?.rules == ["at most 1 above an hour"]
    )
    #expect(try Kitchen.keys.reference(defaults: Kitchen(), topic: "oven").count == 4)
    #expect(try Kitchen.keys.reference(defaults: Kitchen()).count == 8)
    let error = #expect(throws: ConfigurationError.self) {
      try Kitchen.keys.reference(defaults: Kitchen(), topic: "time")
    }
    #expect(error?.description == "unknown key 'time': did you mean oven.minutes?")
    #expect(
      try Kitchen.keys.referenceText(defaults: Kitchen(), topic: "oven.note") == """
        oven:
          How it is heated.

          oven.note
              a text; '' by default; a resumed run may change it, and each process may have its own.
              A text of two lines.
        """)
  }

  @Test("keys that count only beside some values of others are named where they say something beside another")
  func uses() throws {
    let keys = Section<Kitchen>("", "What is cooked.") {
      Section<Kitchen.Oven>("oven", "How it is heated.") {
        Key("heat", \.heat, "How hot.")
        Key("minutes", \.minutes, .from(1, to: 600), "How long.").used(with: \.heat, .low, .high)
      }.within(\.oven)
      Section("taste", "How it tastes.") { Key("spice", \.spice, .atLeast(0), "How spicy.") }
        .used(with: \.oven.heat, .high)
      Key("label", \.label, .any("a text"), "A name.").used(with: \.oven.minutes, atLeast: 10)
    }
    var kitchen = Kitchen()
    #expect(keys.unused(in: kitchen, defaults: Kitchen()) == nil)
    (kitchen.oven.minutes, kitchen.spice, kitchen.label) = (5, 2, "stew")
    #expect(
      keys.unused(in: kitchen, defaults: Kitchen())
        == "taste.spice (counts only with oven.heat high); label (counts only with oven.minutes of at least 10)")
    (kitchen.oven.heat, kitchen.label) = (.offline, "soup")
    #expect(
      keys.unused(in: kitchen, defaults: Kitchen())
        == "oven.minutes (counts only with oven.heat low or high); taste.spice (counts only with oven.heat high)")
    kitchen.oven.heat = .high
    #expect(keys.unused(in: kitchen, defaults: Kitchen()) == nil)
    #expect(
      try keys.reference(defaults: Kitchen(), topic: "oven.minutes").first?.rules
        == ["counts only with `oven.heat` low or high"])
  }

  @Test("lengths of time are read as people and schedulers write them, and never without a unit")
  func durations() {
    let read: [(String, Double?)] = [
      ("90m", 5400), ("1h30m", 5400), ("1.5h", 5400), ("90 min", 5400),
      ("1 hour, 30 minutes", 5400), ("45s", 45),
      ("2 days", 172_800), ("01:30:00", 5400), ("120:00:01", 432_001), ("1-12:00:00", 129_600),
      (" 1H ", 3600),
      ("3600", nil), ("90:00", nil), ("1h soon", nil), ("", nil), ("0s", nil), ("-1h", nil),
      ("1:60:00", nil), ("h", nil),
    ]
    for (text, seconds) in read { #expect(WrittenDuration.seconds(of: text) == seconds, "\(text)") }
  }

  @Test("a key of paths takes one or a list, and a path in brackets when it is in quotes")
  func paths() throws {
    struct Places: Sendable { var path: PathList = "" }
    let section = Section<Places>("places", "Places.") {
      Key("path", \.path, .paths("a folder"), "Where.")
    }
    func read(yaml: String = "", _ override: String? = nil) throws -> [String] {
      var reading = Reading(section, over: Places())
      try reading.lay(yaml: yaml, name: "text")
      if let override { try reading.lay(override: override) }
      let values = try reading.checked()
      var again = Reading(section, over: Places())
      try again.lay(yaml: section.yaml(of: values), name: "written")
      #expect(try again.checked().path == values.path)
      return values.path.paths
    }
    #expect(try read(yaml: "path: a b") == ["a b"])
    #expect(try read(yaml: "path: [a, 'b, c', d]") == ["a", "b, c", "d"])
    #expect(try read(yaml: "path:\n- a\n- b") == ["a", "b"])
    #expect(try read(yaml: "path: '[a, b]'") == ["[a, b]"])
    #expect(try read("path=[a, b]") == ["a", "b"])
    #expect(try read("path='[a, b]'") == ["[a, b]"])
    #expect(try read("path=a,b") == ["a,b"])
    #expect(try read("path=") == [])
    #expect(throws: ConfigurationError.self) { try read(yaml: "path: [[a], b]") }
  }
}
