import Foundation

/// Named tensors in the ZIP format of `torch.save` (PyTorch 1.6 and later). Reading one never runs code: of the pickle in
/// it, only what state dictionaries need is understood (``Pickle``).
///
/// Tensors are found in the dictionary that was saved, or in the one that it has under `state_dict` or `model`, as
/// checkpoints of trainings do.
package struct PyTorchFile {
  package let tensors: [String: Tensor]

  /// The longest pickle that is read. A network of a thousand layers takes less than one megabyte.
  private static let maximumPickleByteCount = 4 << 20

  /// - Throws: ``TorchError`` when the file cannot be read, is damaged, or asks for more than tensors.
  package init(contentsOf url: URL) throws {
    let file = try RegularFile(url)
    do {
      try self.init(reading: file)
    } catch let error as PyTorchFileProblem {
      throw TorchError("\(url.path) is not a file of weights as PyTorch saves them: \(error.description)")
    }
  }

  /// - Throws: ``TorchError`` as for a file.
  package init(_ data: Data) throws {
    do {
      try self.init(reading: data)
    } catch let error as PyTorchFileProblem {
      throw TorchError(error.description)
    }
  }

  /// Whether a file that begins so is a ZIP archive.
  static func isArchive(_ start: [UInt8]) -> Bool { start.starts(with: [0x50, 0x4b, 3, 4]) }

  /// Whether a file that begins so is a bare pickle, as PyTorch saved before 1.6.
  static func isBarePickle(_ start: [UInt8]) -> Bool { start.count > 2 && start[0] == 0x80 && 2...5 ~= start[1] }

  /// All entries of a file by name, for tests that change some.
  package static func entries(of data: Data) throws -> [String: [UInt8]] {
    let archive = try StoredZip(data)
    return try Dictionary(uniqueKeysWithValues: archive.entries.keys.map { ($0, try archive.contents(of: $0)) })
  }

  private init(reading bytes: some RandomAccessBytes) throws {
    let archive = try StoredZip(bytes)
    let name = try Self.pickleName(in: archive)
    let root = name.dropLast("data.pkl".count)
    if archive.entries["\(root)byteorder"] != nil, try archive.contents(of: "\(root)byteorder") != Array("little".utf8)
    {
      throw PyTorchFileProblem("it was saved on a machine that writes numbers back to front (big-endian)")
    }
    let pickle = try Pickle(try archive.contents(of: name))
    tensors = try Self.read(try Self.tensors(in: pickle), of: archive, below: root)
  }

  private static func pickleName<Bytes>(in archive: StoredZip<Bytes>) throws -> String {
    let names = archive.entries.keys.filter { $0.hasSuffix("/data.pkl") && $0.count { $0 == "/" } == 1 }
    guard names.count == 1, let name = names.first else {
      throw PyTorchFileProblem("expected one entry data.pkl in a folder, and there are \(names.count)")
    }
    guard archive.entries[name]!.range.count <= maximumPickleByteCount else {
      throw PyTorchFileProblem("its pickle has more than \(maximumPickleByteCount) bytes")
    }
    return name
  }

  /// The pickle's tensors by name.
  private static func tensors(in pickle: Pickle) throws -> [String: PyTorchTensor] {
    guard let saved = pickle.pairs(of: pickle.result) else {
      throw PyTorchFileProblem("it holds something else than a dictionary of tensors: save model.state_dict()")
    }
    let inner = saved.first { pair in
      if case .text(let key) = pair.key { ["state_dict", "model"].contains(key) } else { false }
    }
    var tensors: [String: PyTorchTensor] = [:]
    for case (.text(let name), .tensor(let tensor)) in inner.flatMap({ pickle.pairs(of: $0.value) }) ?? saved {
      guard tensors.updateValue(tensor, forKey: name) == nil else {
        throw PyTorchFileProblem("the name \(name.shownInMessage) is there twice")
      }
    }
    guard !tensors.isEmpty else { throw PyTorchFileProblem("it holds no tensors: save model.state_dict()") }
    return tensors
  }

  private static func read<Bytes>(
    _ tensors: [String: PyTorchTensor], of archive: StoredZip<Bytes>, below root: Substring
  ) throws -> [String: Tensor] {
    var (result, readBytes) = ([String: Tensor](), 0)
    var (known, wholeEntries) = ([PyTorchTensor: Tensor](), Set<String>())
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      if let same = known[tensor] {
        result[name] = same
        continue
      }
      let entryName = "\(root)data/\(tensor.key)"
      guard let entry = archive.entries[entryName], entry.range.count == tensor.storageByteCount else {
        throw PyTorchFileProblem("the elements of \(name.shownInMessage) are missing or of another number")
      }
      // A small file must not become large in memory, with every tensor made of the same elements.
      readBytes += tensor.range.count * tensor.dtype.byteCount
      guard readBytes <= archive.bytes.count else {
        throw PyTorchFileProblem("its tensors are made of the same elements")
      }
      if wholeEntries.insert(entryName).inserted { try archive.confirmWhole(entryName) }
      let value = try tensor.read(from: entry.range, of: archive.bytes)
      guard tensor.dtype != .bool || value.withUnsafeBytes({ $0.allSatisfy { $0 <= 1 } }) else {
        throw PyTorchFileProblem("\(name.shownInMessage) has truth values that are neither 0 nor 1")
      }
      (known[tensor], result[name]) = (value, value)
    }
    return result
  }
}
