import Foundation
import Testing
import Torch

@Suite struct SafeTensorsTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("safetensors-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func file() -> URL { folder.appendingPathComponent("file.safetensors") }

  @Test("tensors of every type and the metadata come back bit for bit, in order")
  func roundTrip() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var tensors: [(name: String, tensor: Tensor)] = DType.allCases.map {
      ("z.\($0)", Tensor([0, 1, 1, 0, 1, 1] as [Float], shape: [2, 3]).to($0))
    }
    tensors.append(("a scalar", Tensor(Float.nan)))
    tensors.append(("empty", Tensor.zeros([0, 3])))
    tensors.append(("transposed", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).transposed()))
    try SafeTensors(tensors: tensors, metadata: ["format": "pt"]).write(to: file())
    let read = try SafeTensors(contentsOf: file())
    #expect(read.metadata == ["format": "pt"])
    #expect(Set(read.tensors.map(\.name)) == Set(tensors.map(\.name)))
    let byName = try SafeTensors.load(file())
    for (name, tensor) in tensors { #expect(byName[name]!.isIdentical(to: tensor), "\(name)") }
  }

  @Test("a truncated, foreign or absent file is refused with its path and reason")
  func damaged() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try SafeTensors(tensors: [("weight", Tensor.ones([100]))]).write(to: file())
    let whole = try Data(contentsOf: file())
    for length in [0, 5, 20, whole.count - 1] {
      try whole.prefix(length).write(to: file())
      let error = #expect(throws: TorchError.self) { try SafeTensors.load(file()) }
      #expect(error?.description.hasPrefix("\(file().path) is not a whole safetensors file: ") == true)
    }
    try Data(repeating: 0xff, count: 64).write(to: file())
    #expect(throws: TorchError.self) { try SafeTensors.load(file()) }
    let absent = #expect(throws: TorchError.self) { try SafeTensors.load(folder.appendingPathComponent("none")) }
    #expect(absent?.description.hasSuffix("none: no such file") == true)
  }

  @Test("a write that fails leaves the earlier file as it was and nothing half-written")
  func failedWrite() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let error = #expect(throws: TorchError.self) {
      try SafeTensors(tensors: []).write(to: folder.appendingPathComponent("no/such/folder/file"))
    }
    #expect(error?.description.contains("No such file or directory") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}
