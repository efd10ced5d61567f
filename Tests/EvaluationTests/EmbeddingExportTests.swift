import Evaluation
import Foundation
import Testing
import Torch

@Suite("Embedding exports")
struct EmbeddingExportTests {
  private static let features = Features(
    values: Tensor([1, 2.5, -3, 4] as [Float], shape: [2, 2]), labels: [1, Features.unlabeled],
    sampleIndices: [0, 3], classNames: ["ant", "zwölf, \"x\""])
  private static let export = EmbeddingExport(
    features, names: ["a/1.jpg", "ü,\n2.jpg"], split: "test", encoder: "resnet18")

  @Test("the names of the rows are lines of text in the file, in their order")
  func safetensors() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.safetensors")
      try Self.export.write(to: url)
      let file = try SafeTensors(contentsOf: url)
      let names = try #require(file.tensors.first { $0.name == "names" }?.tensor)
      #expect(
        String(decoding: names.array(of: UInt8.self), as: UTF8.self) == "a/1.jpg\nü,\\n2.jpg\n")
      #expect(file.metadata["split"] == "test")
    }
  }

  @Test("the table of the rows quotes what commas and line breaks would tear apart")
  func rows() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.csv")
      try Self.export.writeRows(to: url)
      let rows = "a/1.jpg,test,1,\"zwölf, \"\"x\"\"\"\n\"ü,\n2.jpg\",test,,\n"
      #expect(try String(contentsOf: url, encoding: .utf8) == "name,split,label,class\n" + rows)
      try Self.export.write(to: url, as: .csv)
      let whole =
        "name,split,label,class,f0,f1\na/1.jpg,test,1,\"zwölf, \"\"x\"\"\",1.0,2.5\n\"ü,\n2.jpg\",test,,,-3.0,4.0\n"
      #expect(try String(contentsOf: url, encoding: .utf8) == whole)
    }
  }

  /// An array of an archive: its header and what follows.
  private func array(_ name: String, in archive: Data) throws -> (header: String, contents: Data) {
    let start = try #require(archive.range(of: Data("\(name).npy".utf8))).upperBound
    let file = archive[start...]
    try #require(file.prefix(8) == Data([0x93] + Array("NUMPY".utf8) + [1, 0]))
    let length = Int(file[start + 8]) + Int(file[start + 9]) << 8
    #expect((10 + length) % 64 == 0)
    let header = String(decoding: file[(start + 10)..<(start + 10 + length)], as: UTF8.self)
    return (header, archive[(start + 10 + length)...])
  }

  @Test("NumPy's archive holds arrays with their types and shapes, numbers in little-endian order")
  func npz() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.npz")
      try Self.export.write(to: url, as: .npz)
      let archive = try Data(contentsOf: url)
      let features = try array("features", in: archive)
      #expect(
        features.header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2,), }"))
      let bits = [1, 2.5, -3, 4].flatMap { (value: Float) in
        withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
      }
      #expect(Array(features.contents.prefix(16)) == bits)
      let labels = try array("labels", in: archive)
      #expect(labels.header.contains("'<i8'") && labels.header.contains("'shape': (2,)"))
      #expect(
        Array(labels.contents.prefix(16)) == [1, 0, 0, 0, 0, 0, 0, 0]
          + Array(repeating: 255, count: 8))
      let names = try array("names", in: archive)
      #expect(names.header.contains("'<U9'") == false && names.header.contains("'<U8'"))
      #expect(Array(names.contents.prefix(8)) == [0x61, 0, 0, 0, 0x2F, 0, 0, 0])
      #expect(try array("split", in: archive).header.contains("'shape': ()"))
      #expect(
        archive.suffix(22).prefix(4) == Data([0x50, 0x4B, 5, 6]) && archive.suffix(12).first == 7)
    }
  }

  @Test("a file's name says its format")
  func formats() {
    #expect(EmbeddingExport.Format(ofFileNamed: "a/b.npz") == .npz)
    #expect(EmbeddingExport.Format(ofFileNamed: "b.CSV") == .csv)
    #expect(EmbeddingExport.Format(ofFileNamed: "b.safetensors") == .safetensors)
    #expect(EmbeddingExport.Format(ofFileNamed: "b.dat") == nil)
  }
}
