import Pretraining
import Torch
import TorchNN

extension Module {
  /// The SHA-256 hash of all parameters and buffers: of their names, types, shapes and bits, on whatever device and in
  /// whatever order of memory they lie. Two encoders with one hash compute the same.
  public final func stateHash() -> String {
    let hash = SHA256()
    for (name, tensor) in stateDictionary() {
      hash.add("\(name) \(tensor.dtype) \(tensor.shape)\n")
      tensor.detached().to(device: .cpu).contiguous().withUnsafeBytes { hash.add($0) }
    }
    return hash.finished()
  }
}
