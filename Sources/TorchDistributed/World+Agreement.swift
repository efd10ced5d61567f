import Foundation
import Torch
import TorchNN

extension World {
  /// Runs `body` in every process and waits for all of them; where it failed in one, it throws in all: in that one its
  /// error, in the others a ``DistributedError`` that names the rank.
  public func together<Result>(_ body: () throws -> Result) throws -> Result {
    guard isDistributed else { return try body() }
    let result = Swift.Result(catching: body)
    var own = ""
    if case .failure(let error) = result { own = "\(error)" }
    let failures = try gather(own)
    if case .success = result, let failed = failures.firstIndex(where: { !$0.isEmpty }) {
      throw DistributedError("rank \(failed) failed: \(failures[failed])", origin: .elsewhere)
    }
    return try result.get()
  }

  /// Confirms that every process has the same values.
  ///
  /// - Throws: ``DistributedError`` naming the rank and the field, in all processes.
  public func confirmEqual(_ fields: [(name: String, value: String)]) throws {
    guard isDistributed else { return }
    let all = try gather(String(decoding: JSONEncoder().encode(fields.map { [$0.name, $0.value] }), as: UTF8.self))
    let values = try all.map { text in
      let pairs = try JSONDecoder().decode([[String]].self, from: Data(text.utf8))
      return Dictionary(pairs.map { ($0[0], $0[1]) }) { first, _ in first }
    }
    for (other, theirs) in values.enumerated() {
      let names = fields.map(\.name) + theirs.keys.sorted()
      guard let name = names.first(where: { theirs[$0] != values[0][$0] }) else { continue }
      throw DistributedError(
        "rank \(other) differs from rank 0: \(name) is \(theirs[name] ?? "missing") there and \(values[0][name] ?? "missing") on rank 0. Start all processes with the same configuration, program and data"
      )
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

  /// The text of rank 0, in every process.
  public func textOfFirst(_ text: String) throws -> String { try gather(isFirst ? text : "")[0] }

  /// Overwrites tensors with those of rank 0.
  public func broadcast(_ tensors: [Tensor]) throws {
    for tensor in tensors { try group.broadcast(tensor) }
  }
}
