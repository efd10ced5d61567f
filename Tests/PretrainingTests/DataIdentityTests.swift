import Foundation
import Pretraining
import Testing

/// A resumed run is given the images that it was started with, wherever they lie now.
@Suite struct DataIdentityTests {
  private let fixture: TrainingFixture
  private let run: RunFolder

  init() throws {
    fixture = try TrainingFixture()
    run = fixture.run("run")
  }

  /// A list of images, or of classes.
  private func list(_ name: String, _ entries: [String]) throws -> String {
    let url = fixture.folder.appendingPathComponent(name)
    try entries.map { $0 + "\n" }.joined().write(to: url, atomically: true, encoding: .utf8)
    return url.path
  }

  private func images(_ range: Range<Int>) -> [String] { range.map { "\($0).jpg" } }

  private func configuration(to steps: Int, _ overrides: [String]) throws -> ResolvedConfiguration {
    try Configuration(
      yaml: fixture.configuration().yaml(), overrides: ["training.maximum_steps=\(steps)"] + overrides
    ).resolved()
  }

  private func start(_ overrides: String...) throws {
    _ = try Pretraining.start(configuration(to: 1, overrides), in: run).train()
  }

  private func resume(_ overrides: String...) throws -> Pretraining.Outcome {
    try Pretraining.resume(configuration(to: 2, overrides), in: run).train()
  }

  private func refusal(_ overrides: String...) -> String {
    let error = #expect(throws: RunError.self) {
      try Pretraining.resume(configuration(to: 2, overrides), in: run)
    }
    #expect(error?.isWrongUsage == true)
    return error?.description ?? ""
  }

  private static let opening = "the images are not those that the run was started with: "

  @Test("another list of as many images is refused, and names the key")
  func subset() throws {
    defer { fixture.remove() }
    let (first, second) = (try list("first", images(100..<116)), try list("second", images(108..<124)))
    try start("data.subset=\(first)")
    #expect(
      refusal("data.subset=\(second)")
        == "\(Self.opening)their names or their order are others (data.subset is '\(second)' now and was '\(first)' then). Resume with the same images, or start another run"
    )
    #expect(refusal().hasPrefix("\(Self.opening)there are 24 now and were 16 then (data.subset is '' now"))
    #expect(try resume("data.subset=\(first)") == .finished(step: 2))
  }

  @Test("other classes are refused, though their images have the same names")
  func classes() throws {
    defer { fixture.remove() }
    for name in ["cat", "dog", "owl"] {
      let folder = fixture.data.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      for index in 0..<8 {
        try FileManager.default.copyItem(
          at: fixture.data.appendingPathComponent("\(100 + index).jpg"),
          to: folder.appendingPathComponent("\(index).jpg"))
      }
    }
    for name in images(100..<124) {
      try FileManager.default.removeItem(at: fixture.data.appendingPathComponent(name))
    }
    let (first, second) = (try list("first", ["cat", "dog"]), try list("second", ["cat", "owl"]))
    try start("data.classes=\(first)")
    #expect(refusal("data.classes=\(second)").hasPrefix("\(Self.opening)their labels are others (data.classes is "))
    #expect(try resume("data.classes=\(first)") == .finished(step: 2))
  }

  @Test("other images of the same names are refused; moved ones are the same, and so are moved lists")
  func contents() throws {
    defer { fixture.remove() }
    let first = try list("first", images(100..<116))
    try start("data.subset=\(first)")
    let elsewhere = fixture.folder.appendingPathComponent("elsewhere")
    try FileManager.default.moveItem(at: fixture.data, to: elsewhere)
    let moved = try list("moved", images(100..<116))
    #expect(try resume("data.path=\(elsewhere.path)", "data.subset=\(moved)") == .finished(step: 2))
    let (one, other) = (elsewhere.appendingPathComponent("100.jpg"), elsewhere.appendingPathComponent("101.jpg"))
    try FileManager.default.removeItem(at: one)
    try FileManager.default.copyItem(at: other, to: one)
    #expect(
      refusal("data.path=\(elsewhere.path)", "data.subset=\(first)")
        == "\(Self.opening)what is stored for them is another (data.path is \(elsewhere.path)). Resume with the same images, or start another run"
    )
  }

  @Test("a run of version 0.1, which knows only the number of its images, goes on and learns which they are")
  func withoutFingerprint() throws {
    defer { fixture.remove() }
    try start()
    let checkpoint = try #require(try Checkpoint.latest(in: run))
    #expect(checkpoint.position.data != nil)
    let state = checkpoint.url.appendingPathComponent("state.json")
    var object = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: state)) as? [String: Any])
    object["data"] = nil
    try JSONSerialization.data(withJSONObject: object).write(to: state)
    try FileManager.default.removeItem(at: checkpoint.url.appendingPathComponent("SHA256SUMS"))
    #expect(try Checkpoint.latest(in: run)?.position.data == nil)
    #expect(try resume() == .finished(step: 2))
    #expect(try Checkpoint.latest(in: run)?.position.data == checkpoint.position.data)
  }
}
