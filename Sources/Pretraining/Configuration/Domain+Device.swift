import Keys
import Torch

extension Domain where Value == String {
  /// A device of PyTorch's names, or a word that stands in place of `auto`.
  ///
  /// - Parameter word: `auto` itself where it is one of them.
  static func device(or word: String) -> Self {
    let names = [word, "cpu", "cuda"]
    return form(
      names.joined(separator: ", ") + " or cuda:N", allowed: names + ["cuda:0"],
      refused: ["gpu", "cuda:", "cuda:-1", "cuda:one"]
    ) { $0 == word || (Device.Name($0) ?? .auto) != .auto }
  }
}
