import Foundation
import Launching
import Torch
import TorchNN

extension World {
  /// Runs `body` in every process and waits for all of them; where it failed in one, it throws in all: in that one its
  /// error, in the others a ``DistributedError`` that names the rank. Where it failed in all alike, that error is rank 0's
  /// to tell.
  public func sharingFailures<Result>(_ body: () throws -> Result) throws -> Result {
    guard isDistributed else { return try body() }
    let result = Swift.Result(catching: body)
    let failures = try gather(result.failure.map { $0.explained })
    guard let rank = failures.firstIndex(where: { $0 != nil }), let failure = failures[rank] else {
      return try result.get()
    }
    if !isFirst, failures.allSatisfy({ $0 == failure }) {
      throw DistributedError(failure, origin: .everywhere)
    }
    if let own = result.failure { throw own }
    throw DistributedError(failure.about("rank \(rank) failed"), origin: .elsewhere)
  }

  /// Confirms that every process has the same values.
  ///
  /// - Throws: ``DistributedError`` naming the rank and the field, in all processes; rank 0's is for people.
  public func confirmEqual(_ fields: [(name: String, value: String)]) throws {
    try confirmEqual(fields) { Wording($0) }
  }

  /// Confirms that every process has the same value of a setting.
  func confirmEqual(_ setting: Setting, _ value: String) throws {
    try confirmEqual([(setting.rawValue, value)]) { _ in "\(name: setting)" }
  }

  private func confirmEqual(_ fields: [(name: String, value: String)], _ wording: (String) -> Wording) throws {
    guard isDistributed else { return }
    let values = try gather(Dictionary(fields.map { ($0.name, $0.value) }) { first, _ in first })
    for (other, theirs) in values.enumerated() {
      let names = fields.map(\.name) + theirs.keys.sorted()
      guard let name = names.first(where: { theirs[$0] != values[0][$0] }) else { continue }
      throw DistributedError(
        "rank \(other) differs from rank 0: \(wording(name)) is \(theirs[name] ?? "missing") there and \(values[0][name] ?? "missing") on rank 0",
        advice: "start all processes with the same configuration, program and data",
        origin: isFirst ? .here : .everywhere, isWrongUsage: true)
    }
  }

  /// The texts of all processes, by rank.
  public func gather(_ text: String) throws -> [String] {
    guard isDistributed else { return [text] }
    let bytes = Array(text.utf8)
    let counts = try group.allGather(Tensor([Int64(bytes.count)])).array(of: Int64.self).map(Int.init)
    let longest = counts.max()!
    guard longest > 0 else { return counts.map { _ in "" } }
    let padded = Tensor(bytes + [UInt8](repeating: 0, count: longest - bytes.count), shape: [1, longest])
    let all = try group.allGather(padded).array(of: UInt8.self)
    return counts.enumerated().map { rank, count in
      String(decoding: all[rank * longest..<rank * longest + count], as: UTF8.self)
    }
  }

  /// The values of all processes, by rank.
  public func gather<Value: Codable>(_ value: Value) throws -> [Value] {
    guard isDistributed else { return [value] }
    let texts = try gather(String(decoding: JSONEncoder().encode(value), as: UTF8.self))
    return try texts.map { try JSONDecoder().decode(Value.self, from: Data($0.utf8)) }
  }

  /// A value of rank 0, in every process.
  public func valueOfRankZero<Value: Codable>(_ value: Value?) throws -> Value? { try gather(isFirst ? value : nil)[0] }

  /// Overwrites tensors with those of rank 0.
  public func broadcast(_ tensors: [Tensor]) throws {
    for tensor in tensors { try group.broadcast(tensor) }
  }
}

extension Result {
  /// What went wrong, if something did.
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}
