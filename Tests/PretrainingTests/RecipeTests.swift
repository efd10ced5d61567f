import Augmentation
import Foundation
import Pretraining
import Testing

/// The files of `Configurations/`.
@Suite struct RecipeTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Configurations").standardizedFileURL

  private static let names = ((try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".yaml") }.sorted()

  private func recipe(_ name: String) throws -> Configuration {
    try Configuration(contentsOf: Self.folder.appendingPathComponent(name))
  }

  @Test("every recipe loads, resolves and survives being written out", arguments: names)
  func loads(name: String) throws {
    let machine = MachineOffer(fastestPrecision: .bf16)
    let resolved = try recipe(name).resolved(for: machine)
    #expect(try Configuration(yaml: resolved.yaml()) == resolved.configuration)
    #expect(resolved.configuration.resolved(for: machine) == resolved)
  }

  @Test(
    "every recipe opens with what it is, its command, and what was measured, beside an untrained encoder",
    arguments: names)
  func opens(name: String) throws {
    let text = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
    let opening = text.split(separator: "\n", omittingEmptySubsequences: false).prefix { $0.hasPrefix("#") }
    #expect(opening.first.map { $0.count > "# ".count } == true)
    #expect(opening.contains { $0.hasPrefix("#   simclr pretrain Configurations/\(name) ") })
    let words = opening.map { $0.drop { $0 == "#" || $0 == " " } }.joined(separator: " ")
    #expect(saysWhatWasMeasured(words))
  }

  @Test("an opening that only mentions measuring does not say what was measured")
  func saysNothing() {
    #expect(saysWhatWasMeasured("Accuracy not measured yet."))
    #expect(saysWhatWasMeasured("Measured twice: random encoder kNN 34.3; trained kNN 44.1."))
    #expect(!saysWhatWasMeasured("Measured with care."))
    #expect(!saysWhatWasMeasured("Measured: trained kNN 44.1."))
    #expect(!saysWhatWasMeasured("The time was measured, too."))
  }

  private func saysWhatWasMeasured(_ words: String) -> Bool {
    words.contains(/[Aa]ccuracy:? not measured/)
      || words.contains(/Measured .*random encoder kNN [0-9]+\.[0-9].*trained kNN [0-9]+\.[0-9]/)
  }

  @Test("the recipes that scripts and readers rely on are there")
  func complete() {
    let wanted = [
      "cifar10-resnet18.yaml", "cifar10-resnet18-slim.yaml", "cifar10-resnet18-simclr.yaml", "shapes-quickstart.yaml",
      "imagenet-resnet50-paper.yaml", "imagenet-resnet50-simclr.yaml", "imagenet-resnet50-asymmetric.yaml",
      "imagenet-resnet50-multicrop.yaml", "methods/byol-imagenet-resnet50.yaml",
    ]
    #expect(Set(wanted).subtracting(Self.names).isEmpty)
  }

  @Test("the paper's recipe is the defaults")
  func paper() throws {
    var expected = Configuration()
    expected.encoder.stem = .imagenet
    expected.projectionHead.hiddenDimension = 2048
    #expect(try recipe("imagenet-resnet50-paper.yaml") == expected)
  }

  @Test("BYOL's views are blurred always and rarely, solarized never and sometimes")
  func asymmetric() throws {
    let views = try recipe("imagenet-resnet50-asymmetric.yaml").augmentation.views
    #expect(views.map(\.blurProbability) == [1, 0.1] && views.map(\.solarizeProbability) == [0, 0.2])
    #expect(views.map(\.blurKernelSize) == [23, 23])
  }

  @Test("multi-crop has two large and six small views")
  func multiCrop() throws {
    let views = try recipe("imagenet-resnet50-multicrop.yaml").augmentation.views
    #expect(views.map(\.imageSize) == [224, 224, 96, 96, 96, 96, 96, 96])
    #expect(views.map(\.cropScaleMinimum) == [0.14, 0.14] + Array(repeating: 0.05, count: 6))
    #expect(views.map(\.cropScaleMaximum) == [1, 1] + Array(repeating: 0.14, count: 6))
  }
}
