import DataSets
import Foundation
import TestSupport
import Testing

@Suite("CIFAR-10 archive")
struct CIFAR10ArchiveTests {
  let folder: TemporaryFolder
  let archive: URL
  let bytes: Data
  let sha256: String

  /// A small archive of full-sized files, made once: nearly all bytes are zero, which gzip makes short.
  private static let content = Result {
    let folder = try TemporaryFolder()
    try writeSparseCIFAR10(to: folder.url.appendingPathComponent("cifar-10-batches-bin"))
    let archive = folder.url.appendingPathComponent("archive.tar.gz")
    try run("tar", "-czf", archive.path, "-C", folder.path, "cifar-10-batches-bin")
    return (try Data(contentsOf: archive), String(try run("sha256sum", archive.path).prefix(64)))
  }

  init() throws {
    folder = try TemporaryFolder()
    (bytes, sha256) = try Self.content.get()
    archive = try folder.write(Array(bytes), "archive.tar.gz")
  }

  private func archive(at source: URL? = nil) -> CIFAR10Archive {
    CIFAR10Archive(source: source ?? archive, sha256: sha256, byteCount: bytes.count)
  }

  private var target: URL { folder.url.appendingPathComponent("data") }

  /// What is left below the target, of its first level.
  private var left: [String] { (try? FileManager.default.contentsOfDirectory(atPath: target.path).sorted()) ?? [] }

  @Test("installs a local archive, once")
  func installsLocalArchive() throws {
    let none = archive(at: URL(string: "http://127.0.0.1:1/none"))
    #expect(try none.install(into: target, from: archive) == .installed)
    #expect(left == ["cifar-10-batches-bin"])
    #expect(try DataSetLocator.open(target, split: .train).count == 50_000)
    #expect(try DataSetLocator.open(target, split: .test).count == 10_000)
    #expect(try none.install(into: target) == .alreadyThere)
  }

  @Test("downloads with progress, and leaves nothing behind")
  func downloads() throws {
    var progress: [CIFAR10Archive.Progress] = []
    #expect(try archive().install(into: target) { progress.append($0) } == .installed)
    #expect(left == ["cifar-10-batches-bin"])
    #expect(progress.contains(.downloading(bytes: bytes.count, of: bytes.count)))
    #expect(progress.suffix(2) == [.verifying, .unpacking])
  }

  @Test("goes on with a broken download", arguments: [1, 1000])
  func resumes(present: Int) throws {
    let server = try FileServer(folder.url, ranges: true)
    try folder.write(Array(bytes.prefix(present)), "data/cifar-10-binary.tar.gz.partial")
    #expect(try archive(at: server.url("archive.tar.gz")).install(into: target) == .installed)
    #expect(server.requestedRanges() == ["bytes=\(present)-"])
  }

  @Test("begins again where the server cannot send a part")
  func beginsAgainWithoutRanges() throws {
    let server = try FileServer(folder.url, ranges: false)
    try folder.write(Array(bytes.prefix(1000)), "data/cifar-10-binary.tar.gz.partial")
    #expect(try archive(at: server.url("archive.tar.gz")).install(into: target) == .installed)
    #expect(left == ["cifar-10-batches-bin"])
  }

  @Test("a finished download that was not unpacked is not downloaded again")
  func usesFinishedDownload() throws {
    try folder.write(Array(bytes), "data/cifar-10-binary.tar.gz.partial")
    #expect(try archive(at: URL(string: "http://127.0.0.1:1/none")).install(into: target) == .installed)
  }

  @Test("a damaged download is refused and removed")
  func refusesDamage() throws {
    try folder.write(Array(bytes.prefix(999)) + [bytes[999] ^ 1], "data/cifar-10-binary.tar.gz.partial")
    let text = message { try archive().install(into: target) }
    #expect(text.hasPrefix("\(archive.absoluteString): expected \(bytes.count) bytes with SHA-256 \(sha256), got "))
    #expect(text.hasSuffix("the download was damaged and is removed: run again, or give the archive"))
    #expect(left == [])
    #expect(try archive().install(into: target) == .installed)
  }

  @Test("without a network the line says so and what to do")
  func noNetwork() throws {
    let text = message { try archive(at: URL(string: "http://127.0.0.1:1/a.tar.gz")).install(into: target) }
    #expect(text.hasPrefix("cannot download http://127.0.0.1:1/a.tar.gz: Failed to connect"))
    #expect(text.hasSuffix(". Check the network, or give the archive"))
  }

  @Test("a page that is gone is named")
  func missingPage() throws {
    let server = try FileServer(folder.url, ranges: true)
    let url = server.url("gone.tar.gz")
    #expect(
      message { try archive(at: url).install(into: target) }.hasPrefix(
        "cannot download \(url.absoluteString): The requested URL returned error: 404"))
  }

  @Test("a disk that takes no more is named, and the download kept")
  func fullDisk() throws {
    let full = CIFAR10Archive(source: archive, sha256: sha256, byteCount: bytes.count)
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    let partial = target.path + "/cifar-10-binary.tar.gz.partial"
    try FileManager.default.createSymbolicLink(atPath: partial, withDestinationPath: "/dev/full")
    #expect(
      message { try full.install(into: target) }
        == "cannot write \(partial): No space left on device. Check the space left on its disk")
  }

  @Test(
    "an archive of the right sum that is no gzip file, ends early or is damaged is not installed", arguments: [0, 1, 2])
  func refusesOtherContents(kind: Int) throws {
    var content = Array(bytes)
    switch kind {
    case 0: content = Array(repeating: 65, count: 5000)
    case 1: content = Array(content.dropLast(content.count / 2))
    default: content[content.count / 2] ^= 0xFF
    }
    let file = try folder.write(content, "other.tar.gz")
    let sum = String(try run("sha256sum", file.path).prefix(64))
    let other = CIFAR10Archive(source: file, sha256: sum, byteCount: content.count)
    #expect(message { try other.install(into: target, from: file) }.hasPrefix("cannot unpack \(file.path): "))
    #expect(left == [])
  }

  @Test("files of the archive that would land elsewhere are left in it")
  func namesThatLeadAway() throws {
    let source = try TemporaryFolder()
    try writeSparseCIFAR10(to: source.url.appendingPathComponent("cifar-10-batches-bin"))
    try source.write([1], "cifar-10-batches-bin/deeper/file")
    try source.write([1], "elsewhere")
    let file = folder.url.appendingPathComponent("more.tar.gz")
    try run(
      "tar", "-czf", file.path, "-C", source.path, "--transform", "s,^elsewhere,../elsewhere,", "-P",
      "./cifar-10-batches-bin", "elsewhere")
    let sum = String(try run("sha256sum", file.path).prefix(64))
    let more = CIFAR10Archive(source: file, sha256: sum, byteCount: try Data(contentsOf: file).count)
    #expect(try more.install(into: target, from: file) == .installed)
    #expect(left == ["cifar-10-batches-bin"])
    let installed = try FileManager.default.contentsOfDirectory(atPath: target.path + "/cifar-10-batches-bin")
    #expect(installed.sorted() == ["batches.meta.txt"] + (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"])
  }

  @Test("a wrong local archive is refused before anything is unpacked")
  func refusesWrongLocalArchive() throws {
    let short = try folder.write(Array(bytes.prefix(500)), "short.tar.gz")
    #expect(
      message { try archive().install(into: target, from: short) }
        == "\(short.path): expected \(bytes.count) bytes, got 500: it is incomplete, or not the binary version from "
        + archive.absoluteString)
    let other = try folder.write(Array(bytes.dropLast()) + [1], "other.tar.gz")
    #expect(
      message { try archive().install(into: target, from: other) }.hasPrefix(
        "\(other.path): expected SHA-256 \(sha256), got "))
    let missing = folder.url.appendingPathComponent("missing.tar.gz")
    #expect(
      message { try archive().install(into: target, from: missing) }
        == "\(missing.path): no such file; expected CIFAR-10's cifar-10-binary.tar.gz")
    #expect(left == [])
  }

  @Test("an incomplete installed folder is named, not used")
  func refusesIncompleteInstallation() throws {
    try folder.write([], "data/cifar-10-batches-bin/data_batch_1.bin")
    let text = message { try archive().install(into: target) }
    #expect(text.contains("expected 30730000 bytes (10000 records of 3073), got 0"))
    #expect(text.hasSuffix("to begin again, remove \(target.path)/cifar-10-batches-bin first"))
  }

  @Test("the official archive is the one on the authors' page")
  func officialArchive() {
    #expect(CIFAR10Archive.official.source.absoluteString == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz")
    #expect(CIFAR10Archive.official.byteCount == 170_052_171 && CIFAR10Archive.official.sha256.count == 64)
  }
}

/// Runs a program and returns what it prints.
@discardableResult
private func run(_ program: String, _ arguments: String...) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [program] + arguments
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let data = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  try #require(process.terminationStatus == 0)
  return String(decoding: data, as: UTF8.self)
}

/// A web server of one folder on this machine, with or without support for parts of files.
private final class FileServer {
  private let process = Process()
  private let folder: URL
  private var port = 0

  private static let program = """
    import http.server, os, re, sys
    folder, ranges = sys.argv[1], sys.argv[2] == "true"
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"
        def do_GET(self):
            asked = self.headers.get("Range")
            with open(folder + "/ranges", "a") as log:
                log.write((asked or "") + "\\n")
            path = folder + "/" + os.path.basename(self.path)
            if not os.path.exists(path):
                return self.send_error(404)
            data = open(path, "rb").read()
            start = int(re.match(r"bytes=(\\d+)-", asked).group(1)) if asked and ranges else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start:])
        def log_message(self, *arguments):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
    """

  init(_ folder: URL, ranges: Bool) throws {
    self.folder = folder
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", Self.program, folder.path, "\(ranges)"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  deinit {
    // Test threads block the polite signal, and what they start inherits that.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  func url(_ name: String) -> URL { URL(string: "http://127.0.0.1:\(port)/\(name)")! }

  /// The parts that were asked for, one for each request.
  func requestedRanges() -> [String] {
    let log = try? String(contentsOf: folder.appendingPathComponent("ranges"), encoding: .utf8)
    return log?.split(separator: "\n").map(String.init) ?? []
  }
}
