import Foundation
import TestSupport
import Testing
import Torch

/// Files that PyTorch saved (`Fixtures/pytorch_files.py`) and files that somebody made to do harm.
@Suite struct WeightsFileTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  private func file(_ name: String) -> URL { Self.fixtures.appendingPathComponent(name) }

  private func refusal(_ name: String) -> String {
    let error = #expect(throws: TorchError.self) { try WeightsFile(contentsOf: file(name)) }
    return error?.description ?? ""
  }

  @Test("a state dictionary as PyTorch saves it has the tensors that safetensors has, bit for bit")
  func stateDictionary() throws {
    let expected = try WeightsFile(contentsOf: file("state-dict.safetensors")).tensors
    let read = try WeightsFile(contentsOf: file("state-dict.pth")).tensors
    #expect(Set(read.keys) == Set(expected.keys) && read.count == 14)
    for (name, tensor) in expected {
      #expect(read[name]?.isIdentical(to: tensor) == true, "\(name)")
      #expect(read[name]?.isContiguous == true, "\(name)")
    }
  }

  @Test("a training's checkpoint gives the tensors of its state_dict")
  func checkpoint() throws {
    let read = try WeightsFile(contentsOf: file("checkpoint.pth")).tensors
    #expect(read.mapValues(\.shape) == ["a": [2]])
  }

  @Test("what would have to be executed is refused by name")
  func executable() {
    #expect(
      refusal("whole-module.pth").hasSuffix("it calls torch.nn.modules.linear.Linear, which weights have no need of")
        || refusal("whole-module.pth").hasSuffix("it asks for NEWOBJ, which weights have no need of"))
    #expect(refusal("before-1.6.pth").contains("is in the format that PyTorch had before 1.6"))
    #expect(refusal("complex.pth").contains("elements of type torch.ComplexFloatStorage"))
    #expect(refusal("expanded.pth").contains("whose elements do not lie side by side"))
  }

  /// What reading a pickle among a few elements gives.
  private func read(_ pickle: String, elements: Int = 64) throws -> [String: Tensor] {
    var zip = StoredZipWriter()
    zip.add("a/data.pkl", pickle.unicodeScalars.map { UInt8($0.value) })
    zip.add("a/data/0", [UInt8](repeating: 0, count: elements))
    return try PyTorchFile(Data(zip.finished())).tensors
  }

  private func refusal(of pickle: String, elements: Int = 64) -> String {
    let error = #expect(throws: TorchError.self) { try read(pickle, elements: elements) }
    return error?.description ?? ""
  }

  /// A pickle of one tensor of 16 floats at the entry 0, the sizes and strides given as opcodes.
  private func pickle(offset: String = "K\0", sizes: String, strides: String) -> String {
    "\u{80}\u{2}}X\u{1}\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\u{7}\0\0\0storagectorch\nFloatStorage\n"
      + "X\u{1}\0\0\00X\u{3}\0\0\0cpuK\u{10}tQ\(offset)\(sizes)\(strides)\u{89}NtRs."
  }

  @Test("a pickle that calls anything is refused, and nothing is called")
  func calls() throws {
    #expect(refusal(of: "cos\nsystem\nX\u{2}\0\0\0ls\u{85}R.") == "it calls os.system, which weights have no need of")
    #expect(
      refusal(of: "c__builtin__\neval\nX\u{1}\0\0\01\u{85}R.")
        == "it calls __builtin__.eval, which weights have no need of")
    #expect(
      refusal(of: "ccollections\nOrderedDict\nK\u{1}\u{85}R.")
        == "it calls collections.OrderedDict, which weights have no need of")
    #expect(refusal(of: "(S'ls'\nios\nsystem\n.") == "it asks for STRING, which weights have no need of")
    #expect(refusal(of: "(ios\nsystem\n.") == "it asks for INST, which weights have no need of")
    #expect(
      refusal(of: "X\u{2}\0\0\0osX\u{6}\0\0\0system\u{93}.")
        == "it asks for STACK_GLOBAL, which weights have no need of")
    #expect(refusal(of: "\u{ff}.") == "it asks for the unknown opcode 255, which weights have no need of")
  }

  @Test("tensors must lie within their elements, densely, and be of a shape that can be")
  func places() throws {
    #expect(try read(pickle(sizes: "K\u{4}K\u{4}\u{86}", strides: "K\u{4}K\u{1}\u{86}"))["w"]?.shape == [4, 4])
    #expect(try read(pickle(sizes: "K\u{4}K\u{4}\u{86}", strides: "K\u{1}K\u{4}\u{86}"))["w"]?.shape == [4, 4])
    for (offset, sizes, strides) in [
      ("K\u{1}", "K\u{4}K\u{4}\u{86}", "K\u{4}K\u{1}\u{86}"),
      ("J\u{ff}\u{ff}\u{ff}\u{ff}", "K\u{4}\u{85}", "K\u{1}\u{85}"),
      ("K\0", "K\u{11}\u{85}", "K\u{1}\u{85}"),
    ] {
      #expect(
        refusal(of: pickle(offset: offset, sizes: sizes, strides: strides)).hasSuffix("that goes beyond its elements"))
    }
    for (sizes, strides) in [
      ("K\u{4}K\u{4}\u{86}", "K\0K\u{1}\u{86}"), ("K\u{2}\u{85}", "K\u{2}\u{85}"),
      ("K\u{2}\u{85}", "J\u{ff}\u{ff}\u{ff}\u{ff}\u{85}"),
    ] {
      #expect(refusal(of: pickle(sizes: sizes, strides: strides)).contains("do not lie side by side"))
    }
    let large = "\u{8a}\u{8}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{7f}"
    for sizes in [large, "J\u{ff}\u{ff}\u{ff}\u{ff}"] {
      #expect(refusal(of: pickle(sizes: "\(sizes)\u{85}", strides: "K\u{1}\u{85}")).contains("the impossible shape"))
    }
    #expect(
      refusal(of: pickle(sizes: "K\u{4}\u{85}", strides: "K\u{1}\u{85}"), elements: 60)
        == "the elements of w are missing or of another number")
  }

  @Test("a pickle that takes from an empty stack, remembers nothing or nests without end is refused")
  func damaged() {
    for pickle in [
      "", ".", "t.", "R.", "(R.", "s.", "h\u{9}.", "(.", "NN\u{86}", "Xab", "X\u{ff}\u{ff}\u{ff}\u{ff}a.", "].",
    ] {
      #expect(!refusal(of: pickle).isEmpty, "\(pickle)")
    }
    let deep = String(repeating: "\u{85}", count: 200_000)
    #expect(refusal(of: "N\(deep).") == "it holds something else than a dictionary of tensors: save model.state_dict()")
    #expect(refusal(of: "}X\u{1}\0\0\0ah\u{1}s.").hasPrefix("its pickle is damaged"))
    // A dictionary that holds itself.
    #expect(refusal(of: "}q\0X\u{1}\0\0\0ah\0s.") == "it holds no tensors: save model.state_dict()")
  }

  @Test("a small file cannot become large in memory")
  func amplification() throws {
    var zip = StoredZipWriter()
    // Views of one entry, each one element shorter than the last.
    let pickle = (0..<60).map { count in
      "X\u{1}\0\0\0\(Unicode.Scalar(UInt8(65 + count)))ctorch._utils\n_rebuild_tensor_v2\n((X\u{7}\0\0\0storagectorch\nByteStorage\n"
        + "X\u{1}\0\0\00X\u{3}\0\0\0cpuM\u{0}\u{40}tQK\0M\(Unicode.Scalar(UInt8(count)))\u{20}\u{85}K\u{1}\u{85}\u{89}NtRs"
    }.joined()
    zip.add("a/data.pkl", "}\(pickle).".unicodeScalars.map { UInt8($0.value) })
    zip.add("a/data/0", [UInt8](repeating: 0, count: 0x4000))
    let error = #expect(throws: TorchError.self) { try PyTorchFile(Data(zip.finished())) }
    #expect(error?.description == "its tensors are made of the same elements")
  }

  @Test("an archive that is cut off, flipped in one bit, or has entries that overlap or lie outside is refused")
  func archives() throws {
    let whole = try Data(contentsOf: file("state-dict.pth"))
    #expect(throws: Never.self) { try PyTorchFile(whole) }
    for length in [0, 4, 21, 22, 500, whole.count / 2, whole.count - 1] {
      #expect(throws: TorchError.self) { try PyTorchFile(whole.prefix(length)) }
    }
    let weight = try #require(whole.range(of: Data("data/0".utf8))).upperBound + 100
    var flipped = whole
    flipped[weight] ^= 1
    let error = #expect(throws: TorchError.self) { try PyTorchFile(flipped) }
    #expect(error?.description.hasSuffix("is damaged (its checksum differs)") == true)
    var twice = StoredZipWriter()
    for _ in 0..<2 { twice.add("a/data.pkl", [0x7d, 0x2e]) }
    let repeated = #expect(throws: TorchError.self) { try PyTorchFile(Data(twice.finished())) }
    #expect(repeated?.description == "the entry a/data.pkl is there twice")
  }
}
