/// Understands what people call the parts of a data set: `train`, `Training`, `val2017`, `dev`, `test_images`, `seg_test`.
struct SplitName {
  let split: DataSetSplit
  /// What the name says besides, which all parts of a data set have in common: `seg`.
  let rest: String
  /// Whether it is so short, `tr` or `te`, that alone it may well be something else.
  let isShort: Bool

  private static let words: [String: DataSetSplit] = {
    let all: [DataSetSplit: [String]] = [
      .train: ["train", "training", "trains", "trainval", "trn", "tr"],
      .validation: ["val", "valid", "validation", "validate", "vld", "vl", "va", "dev", "devel", "development"],
      .test: [
        "test", "testing", "tests", "tst", "te", "ts", "eval", "evaluation", "evaluate", "holdout", "heldout",
      ],
      .unlabeled: ["unlabeled", "unlabelled"],
    ]
    return Dictionary(uniqueKeysWithValues: all.flatMap { split, words in words.map { ($0, split) } })
  }()

  /// Words that say nothing of what is in a folder.
  private static let fillers = [
    "dataset", "data", "set", "split", "subset", "part", "images", "image", "imgs", "img", "photos", "pictures",
    "samples", "folder", "dir", "files", "jpg", "jpeg", "png", "raw", "in", "out", "hold", "held",
  ]

  /// Nil for a name that speaks of no part, or of several.
  init?(_ name: some StringProtocol) {
    let words = Self.words(of: name)
    let found = words.map(Self.split(of:))
    guard let split = found.lazy.compactMap(\.self).first, found.allSatisfy({ $0 == nil || $0 == split }) else {
      return nil
    }
    self.split = split
    rest = zip(words, found).filter { $1 == nil && !Self.fillers.contains($0) }.map(\.0).joined(separator: "-")
    isShort = words.count == 1 && words[0].count <= 2
  }

  /// Letters that belong together, in lower case: `valImages2` is `val` and `images`.
  private static func words(of name: some StringProtocol) -> [String] {
    var words = [""]
    var wasLower = false
    for character in name {
      if !character.isLetter || (character.isUppercase && wasLower) { words.append("") }
      if character.isLetter { words[words.count - 1] += character.lowercased() }
      wasLower = character.isLowercase
    }
    return words.filter { !$0.isEmpty }
  }

  /// `trainset` and `imagestest` are understood, too.
  private static func split(of word: String) -> DataSetSplit? {
    if let split = words[word] { return split }
    return fillers.lazy.compactMap { filler in
      if word.hasSuffix(filler), let split = words[String(word.dropLast(filler.count))] { return split }
      return word.hasPrefix(filler) ? words[String(word.dropFirst(filler.count))] : nil
    }.first
  }
}

extension DataSetSplit {
  /// The one of a name that people give to it: `val`, `dev` and `training` are understood. Nil for others.
  public init?(calledByPeople name: String) {
    guard let meaning = SplitName(name), meaning.rest.isEmpty else { return nil }
    self = meaning.split
  }
}

/// Which of the folders that lie side by side are parts of a data set.
struct SplitFolders {
  /// Their names, in the order in which they were given.
  private let parts: [(name: String, split: DataSetSplit)]
  /// The names that are none.
  let others: [String]

  init(of names: [String]) {
    let all = names.compactMap { name in SplitName(name).map { (name: name, meaning: $0) } }
    var chosen = all.filter { $0.meaning.rest.isEmpty }
    if chosen.count < names.count { chosen.removeAll { $0.meaning.isShort } }
    if chosen.isEmpty {
      // What they are called besides, `seg_train` and `seg_test`, has to be the same.
      for (rest, group) in Dictionary(grouping: all, by: \.meaning.rest).sorted(by: { $0.key < $1.key })
      where !rest.isEmpty {
        let splits = Set(group.map(\.meaning.split))
        if splits.contains(.train), splits.count > 1 { chosen = group }
      }
    }
    parts = chosen.map { ($0.name, $0.meaning.split) }
    let taken = Set(parts.map(\.name))
    others = names.filter { !taken.contains($0) }
  }

  /// None of them is a part.
  init(others: [String]) { (parts, self.others) = ([], others) }

  subscript(split: DataSetSplit) -> [String] { parts.filter { $0.split == split }.map(\.name) }

  var isEmpty: Bool { parts.isEmpty }

  /// What is measured on and not learned from.
  var measured: [String] { self[.test] + self[.validation] }

  /// Whether there is something to learn from and something to measure on.
  var isDivided: Bool { !self[.train].isEmpty && !measured.isEmpty }

  /// What does not belong to a split where both kinds are there: of `cat/train` and `cat/test` the other one.
  func strangers(to split: DataSetSplit) -> [String] {
    guard isDivided else { return [] }
    switch split {
    case .train, .unlabeled: return measured
    case .validation: return self[.train] + self[.test]
    case .test: return self[.train] + (self[.test].isEmpty ? [] : self[.validation])
    }
  }
}
