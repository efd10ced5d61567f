/// How many tasks Slurm put on a machine.
enum SlurmTasks {
  /// - Returns: nil when no variable says it.
  static func onNode(_ node: Int, _ variables: VariableReader) throws -> Int? {
    for name in ["SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"] {
      guard let text = variables[name] else { continue }
      guard let counts = counts(text) else {
        throw LaunchError.usage("\(name): expected counts such as 2(x3),1, got '\(text)'")
      }
      if let count = counts.count(onNode: node) { return count }
    }
    return try variables.number(ifSet: "SLURM_NTASKS_PER_NODE", atLeast: 1)
  }

  /// Runs of machines with as many tasks each.
  struct Counts {
    var runs: [(tasks: Int, nodes: Int)]

    func count(onNode node: Int) -> Int? {
      var first = 0
      for run in runs {
        if node - first < run.nodes { return run.tasks }
        first += run.nodes
      }
      return nil
    }
  }

  /// Reads `2(x3),1`: two tasks on each of three machines, one on the fourth.
  static func counts(_ text: String) -> Counts? {
    var runs: [(tasks: Int, nodes: Int)] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let match = part.wholeMatch(of: /([0-9]{1,9})(?:\(x([0-9]{1,9})\))?/), let tasks = Int(match.1), tasks > 0,
        let nodes = match.2.map({ Int($0) }) ?? 1, nodes > 0
      else { return nil }
      runs.append((tasks, nodes))
    }
    return Counts(runs: runs)
  }
}

/// Slurm's short writing for machines: `gpu[01-03,07],login`.
enum SlurmHosts {
  /// The first machine of a list.
  ///
  /// - Throws: ``LaunchError`` when the text is no such list.
  static func first(of list: String) throws -> String {
    guard let host = firstHost(list) else {
      throw LaunchError.usage(
        "Slurm's list of machines: expected a text such as gpu[01-03,07], got '\(list)'. Set MASTER_ADDR to rank 0's")
    }
    return host
  }

  private static func firstHost(_ list: String) -> String? {
    var host = ""
    var rest = Substring(list)
    while let character = rest.popFirst(), character != "," {
      guard character == "[" else {
        guard character != "]", !character.isWhitespace else { return nil }
        host.append(character)
        continue
      }
      guard let end = rest.firstIndex(of: "]"),
        let number = rest[..<end].split(omittingEmptySubsequences: false, whereSeparator: { ",-".contains($0) }).first,
        !number.isEmpty, number.allSatisfy(\.isNumber)
      else { return nil }
      host += number
      rest = rest[rest.index(after: end)...]
    }
    return host.isEmpty ? nil : host
  }
}
