import Torch

/// Whether two states have the same tensors under the same names, bit for bit. Of a state without tensors nothing can be
/// said: it is never the same.
public func areIdentical(_ one: [String: Tensor], _ other: [String: Tensor]) -> Bool {
  !one.isEmpty && one.count == other.count
    && one.allSatisfy { name, tensor in other[name].map { tensor.isIdentical(to: $0) } ?? false }
}
