import Foundation
import TestSupport
import Testing
import Torch

/// Files that somebody made to do harm, or that rotted: each is refused with its reason.
@Suite struct DamagedSafeTensorsTests {
  private static func file(_ header: String, dataCount: Int, length: UInt64? = nil) -> Data {
    let text = Data(header.utf8)
    return withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian) { Data($0) } + text
      + Data(repeating: 0, count: dataCount)
  }

  private static func entry(_ shape: String, _ start: String, _ end: String, dtype: String = "F32") -> String {
    "{\"dtype\":\"\(dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(start),\(end)]}"
  }

  private func refusal(_ header: String, dataCount: Int = 8) -> String? {
    do {
      _ = try SafeTensors(Self.file(header, dataCount: dataCount))
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("a header to the letter is read, whatever its spaces, order and escapes")
  func whole() throws {
    let header =
      " { \"b\\u00e9\\ud83d\\ude00\\n\" : {\"data_offsets\":[4,8],\"shape\":[1],\"dtype\":\"F32\"},\n"
      + "\"__metadata__\":{\"format\":\"pt\"}, \"a\":\(Self.entry("1", "0", "4")), \"none\":\(Self.entry("0, 3", "8", "8"))}  "
    let read = try SafeTensors(Self.file(header, dataCount: 8))
    #expect(read.tensors.map(\.name) == ["a", "b\u{e9}\u{1f600}\n", "none"])
    #expect(read.tensors.map(\.tensor.shape) == [[1], [1], [0, 3]])
    #expect(read.metadata == ["format": "pt"])
    #expect(try SafeTensors(Self.file("{}", dataCount: 0)).tensors.isEmpty)
  }

  @Test("tensors that overlap, leave a hole, or leave bytes at the end are refused")
  func places() {
    let (first, second) = (Self.entry("1", "0", "4"), Self.entry("1", "4", "8"))
    #expect(refusal("{\"a\":\(first),\"b\":\(second)}") == nil)
    #expect(refusal("{\"a\":\(first),\"b\":\(first)}") == "b overlaps the tensor before it")
    #expect(refusal("{\"a\":\(first),\"b\":\(Self.entry("1", "3", "7"))}") == "b overlaps the tensor before it")
    #expect(refusal("{\"b\":\(second)}") == "b leaves a hole before it")
    #expect(refusal("{\"a\":\(first)}") == "4 bytes at its end belong to no tensor")
  }

  @Test("names, metadata and fields that are there twice are refused")
  func twice() {
    let (first, second) = (Self.entry("1", "0", "4"), Self.entry("1", "4", "8"))
    #expect(refusal("{\"a\":\(first),\"a\":\(second)}") == "the name a is there twice")
    #expect(refusal("{\"a\":\(first),\"\\u0061\":\(second)}") == "the name a is there twice")
    #expect(refusal("{\"__metadata__\":{\"x\":\"1\",\"x\":\"2\"}}") == "the metadata have x twice")
    #expect(
      refusal("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}")
        == "a has an unknown or repeated field dtype")
  }

  @Test(
    "shapes that cannot be are refused before memory is taken",
    arguments: [
      "9223372036854775807", "4611686018427387904, 4", "0, 9223372036854775807", "0, 4294967296, 4294967296",
      Array(repeating: "1", count: 40).joined(separator: ", "),
    ])
  func shapes(shape: String) {
    #expect(
      refusal("{\"a\":\(Self.entry(shape, "0", "0"))}", dataCount: 0)?.hasPrefix("a has the impossible shape") == true)
  }

  @Test("numbers that are negative, fractions, too large or texts are refused")
  func numbers() {
    for number in [
      "-4", "1.0", "1e0", "01", "9223372036854775808", "99999999999999999999999", "\"1\"", "true", "null",
    ] {
      let text = refusal("{\"a\":\(Self.entry(number, "0", "4"))}", dataCount: 4)
      #expect(text?.hasPrefix("its header is not the JSON of this format: expected ") == true, "\(number)")
    }
    #expect(refusal("{\"a\":\(Self.entry("1", "4", "0"))}")?.contains("should lie at bytes 4..<0") == true)
    #expect(refusal("{\"a\":\(Self.entry("1", "0", "400"))}")?.contains("but the file has 8") == true)
    #expect(refusal("{\"a\":\(Self.entry("3", "0", "8"))}") == "a of shape [3] needs 12 bytes, but has 8")
    #expect(refusal("{\"a\":\(Self.entry("8", "0", "8", dtype: "F4"))}")?.contains("has the type F4") == true)
    #expect(refusal("{\"a\":{}}") == "the header's entry for a lacks dtype, shape or data_offsets")
  }

  @Test("a header that nests without end, is cut off or is no text is refused")
  func notJSON() {
    let deep = String(repeating: "[", count: 1_000_000)
    for header in [
      deep, "{\"a\":\(deep)", "", "{", "{\"a", "{\"a\":", "null", "{\"a\\ud800\":1}", "{} {}", "{\"a\":1,}",
    ] {
      #expect(refusal(header)?.hasPrefix("its header is not the JSON of this format: expected ") == true)
    }
    var text = Self.file("{\"ab\":\(Self.entry("2", "0", "8"))}", dataCount: 8)
    text[10] = 0xff
    #expect(throws: TorchError.self) { try SafeTensors(text) }
  }

  @Test("a header's length beyond the file or the format's limit is refused before it is read")
  func lengths() throws {
    for length in [UInt64.max, 1 << 63, 100, 3] {
      #expect(throws: TorchError.self) { try SafeTensors(Self.file("{}", dataCount: 0, length: length)) }
    }
    // A file of two hundred megabytes that takes no place on the disk.
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("header-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    try Self.file("", dataCount: 0, length: 150_000_000).write(to: url)
    truncate(url.path, 200_000_000)
    let error = #expect(throws: TorchError.self) { try SafeTensors.load(url) }
    #expect(error?.description.hasSuffix("more than the 100000000 that the format allows") == true)
  }

  @Test("truth values other than 0 and 1 are refused")
  func truthValues() {
    var file = Self.file("{\"a\":\(Self.entry("8", "0", "8", dtype: "BOOL"))}", dataCount: 8)
    #expect(throws: Never.self) { try SafeTensors(file) }
    file[file.count - 1] = 2
    let error = #expect(throws: TorchError.self) { try SafeTensors(file) }
    #expect(error?.description == "a has truth values that are neither 0 nor 1")
  }

  @Test("a folder, a device and a pipe are no files")
  func noFile() {
    for path in ["/", "/dev/zero"] {
      let error = #expect(throws: TorchError.self) { try SafeTensors.load(URL(fileURLWithPath: path)) }
      #expect(error?.description == "cannot read \(path): expected a file, and it is a folder or a device")
    }
  }

  @Test("messages show no more of a name than a line holds")
  func longNames() {
    let name = String(repeating: "n", count: 100_000)
    let text = refusal("{\"\(name)\":\(Self.entry("1", "4", "8"))}")
    #expect(text == "\(String(repeating: "n", count: 80))… leaves a hole before it")
  }
}
