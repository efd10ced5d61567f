import Encoders
import Foundation
import Methods
import Pretraining
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct DistillationRunTests {
  private static let teacher = ["distill.teacher_architecture=resnet18", "distill.teacher_width=0.125"]

  /// A file of the weights of a teacher.
  private func writeTeacher(in fixture: TrainingFixture, width: Double = 0.125) throws -> (url: URL, teacher: ResNet) {
    let teacher = ResNet(.resnet18, width: width, stem: .cifar, generator: Generator(seed: 9))
    let url = fixture.folder.appendingPathComponent("teacher.safetensors")
    try SafeTensors(tensors: teacher.stateDictionary(), metadata: [:]).write(to: url)
    return (url, teacher)
  }

  private func configuration(_ fixture: TrainingFixture, _ overrides: [String]) throws -> ResolvedConfiguration {
    let base = try fixture.configuration().yaml()
    return try Configuration(yaml: base, overrides: ["method.name=distill"] + overrides).resolved()
  }

  private func teacherState(in run: RunFolder) throws -> [String: Tensor] {
    let state = try #require(try Checkpoint.latest(in: run)).modelState().filter { $0.key.hasPrefix("teacher.") }
    return Dictionary(uniqueKeysWithValues: state.map { (String($0.key.dropFirst("teacher.".count)), $0.value) })
  }

  @Test(
    "an encoder learns from a file's, which stays as it was, and a stopped run goes on to the same bits where the file is gone"
  )
  func fromFile() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let (url, teacher) = try writeTeacher(in: fixture)
    let configuration = try configuration(
      fixture, Self.teacher + ["distill.teacher=\(url.path)", "training.epochs=8"])
    let (whole, run) = (fixture.run("whole"), fixture.run("run"))
    var (losses, said) = ([Double](), [String]())
    _ = try Pretraining.start(configuration, in: whole).train { event in
      if case .epoch(let epoch) = event { losses.append(epoch.meanLoss) }
      if case .firstWeights(let words) = event { said.append(words) }
    }
    #expect(said.count == 1 && said[0].hasPrefix("the teacher is \(url.path): "))
    #expect(losses.last! < 0.5 * losses[0])
    let kept = Dictionary(uniqueKeysWithValues: teacher.stateDictionary().map { ($0.name, $0.tensor) })
    #expect(areIdentical(try teacherState(in: whole), kept))
    #expect(try Pretraining.start(configuration, in: run).train(shouldStop: { true }) == .stopped(step: 1))
    try FileManager.default.removeItem(at: url)
    #expect(try Pretraining.resume(configuration, in: run).train() == .finished(step: 24))
    let states = try [whole, run].map { try #require(try Checkpoint.latest(in: $0)).modelState() }
    #expect(areIdentical(states[0], states[1]))
  }

  @Test("the teacher may be a run, whose encoder must be the one that is described")
  func fromRun() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let teacher = fixture.run("teacher")
    _ = try Pretraining.start(fixture.configuration("training.maximum_steps=1"), in: teacher).train()
    let run = fixture.run("run")
    let options = ["distill.teacher=\(teacher.url.path)", "training.maximum_steps=1"]
    let text = message { _ = try Pretraining.start(configuration(fixture, Self.teacher + options), in: run) }
    #expect(
      text
        == "distill.teacher: \(teacher.url.path) has another encoder: use distill.teacher_architecture=resnet18 distill.teacher_width=0.0625 distill.teacher_stem=cifar"
    )
    let right = ["distill.teacher_architecture=resnet18", "distill.teacher_width=0.0625"] + options
    let gray = message {
      _ = try Pretraining.start(configuration(fixture, right + ["augmentation.mean=[0.5, 0.5, 0.5]"]), in: run)
    }
    #expect(gray.contains("was trained with colors normalized otherwise: use augmentation.mean=[0.485, 0.456, 0.406] "))
    #expect(!FileManager.default.fileExists(atPath: run.url.path))
    _ = try Pretraining.start(configuration(fixture, right), in: run).train()
    let trained = try teacher.encoder().stateDictionary()
    #expect(
      areIdentical(
        try teacherState(in: run), Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.tensor) })))
  }

  @Test("a teacher that is not there, or of another network, is one line before anything is written")
  func refusals() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    func text(_ overrides: [String]) -> String {
      message { _ = try Pretraining.start(configuration(fixture, overrides), in: run) }
    }
    #expect(
      text(Self.teacher).contains(
        "distill.teacher: expected the weights or the run of the encoder to learn from, got nothing"))
    #expect(text(Self.teacher + ["distill.teacher=/nowhere.safetensors"]).contains("/nowhere.safetensors"))
    let (url, _) = try writeTeacher(in: fixture)
    let narrow = text(Self.teacher + ["distill.teacher=\(url.path)", "distill.teacher_width=0.25"])
    #expect(narrow.hasPrefix("distill.teacher: \(url.path) does not fit a resnet18: ") && narrow.contains("width"))
    #expect(!narrow.contains("\n") && !FileManager.default.fileExists(atPath: run.url.path))
  }
}
