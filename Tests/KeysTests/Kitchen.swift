import Keys

/// A configuration of its own, with a key of every kind.
struct Kitchen: Equatable {
  enum Heat: String, CaseIterable, Sendable {
    case low, high
    case offline = "off"
  }

  struct Oven: Equatable {
    var heat = Heat.low
    var minutes = 30
    var note = ""
    var isClean = true
  }

  var oven = Oven()
  var spice = 0.1
  var ratio: Double?
  var mix = [1.0, 0.5]
  var label = "soup"

  static let keys = Section<Kitchen>(
    "", "What is cooked.",
    rules: [
      Rule(about: \.spice, and: \.oven.minutes, text: "at most 1 above an hour") { kitchen in
        guard kitchen.oven.minutes > 60 && kitchen.spice > 1 else { return nil }
        return Fault(expected: "at most 1 with oven.minutes above 60", got: "\(kitchen.spice)")
      }
    ]
  ) {
    Section<Oven>("oven", "How it is heated.") {
      Key("heat", \.heat, typedAs: ["temperature"], "How hot.")
      Key("minutes", \.minutes, .from(1, to: 600, [600: "ten hours"]), scope: .session, typedAs: ["time"], "How long.")
      Key("note", \.note, .any("a text"), scope: .process, "A text\nof two lines.")
      Key("is_clean", \.isClean, scope: .process, "Whether it can be used.")
    }.within(\.oven)
    Key("spice", \.spice, .atLeast(0), "How spicy.")
    Key("ratio", \.ratio, Domain.above(0, to: 1).optional, "Left out at first.")
    Key("mix", \.mix, .each(of: ["salt", "pepper"], .above(0)), "How much of each.")
    Key("label", \.label, .any("a text"), "A name.")
  }

  static func read(_ yaml: String, _ overrides: String...) throws -> Kitchen {
    var reading = Reading(keys, over: Kitchen())
    try reading.lay(yaml: yaml, name: "menu.yaml")
    for override in overrides { try reading.lay(override: override) }
    return try reading.checked()
  }
}
