import Augmentation
import Encoders
import Foundation
import Keys
import Pretraining
import Testing
import TorchNN

private let declared: Section<Configuration> = Configuration.keys
private let names: [String] = declared.keys.map(\.name)

/// Goes through all declarations: whoever adds a key has it tested.
@Suite struct DeclaredKeysTests {
  private func key(_ name: String) -> Key<Configuration> { declared.keys.first { $0.name == name }! }

  /// Lays a value over the defaults, without looking at whether it may be.
  private func defaults(with name: String, _ value: String) throws -> Configuration {
    var reading = Reading(declared, over: Configuration())
    try reading.lay(override: "\(name)=\(value)")
    return reading.values
  }

  @Test("every key says what it does and what it may be", arguments: names)
  func isDocumented(name: String) {
    let key = key(name)
    #expect(key.text.count > 10 && key.text.hasSuffix("."))
    #expect(!key.expectation.isEmpty)
    #expect(name.wholeMatch(of: /[a-z_]+(\.[a-z_0-9]+)+/) != nil)
    #expect(!key.allowedAtEdges.isEmpty)
    // Only paths, names of interfaces and the like can be anything.
    #expect(!key.refusedAtEdges.isEmpty || key.type == .text)
  }

  @Test("every key accepts the values at its edges and keeps them exactly", arguments: names)
  func acceptsItsEdges(name: String) throws {
    for value in key(name).allowedAtEdges {
      let configuration = try defaults(with: name, value)
      // What several keys must keep together may be broken by an extreme value of one.
      if let found = declared.fault(in: configuration) { #expect(found.names.count > 1, "\(value): \(found)") }
      #expect(declared.written(configuration).first { $0.name == name }?.value == value)
    }
  }

  @Test("every key refuses the values beyond its edges with what it expected", arguments: names)
  func refusesBeyondItsEdges(name: String) {
    let key = key(name)
    for value in key.refusedAtEdges + (key.type == .text ? [] : ["nonsense"]) {
      let error = #expect(throws: ConfigurationError.self, "\(value)") {
        try Configuration(yaml: "", overrides: ["\(name)=\(value)"])
      }
      let place = "override '\(name)=\(value)': \(name): expected "
      #expect(
        [key.expectation, key.type.words, "at most \(Int32.max)"].map { place + $0 }.contains {
          error?.description.hasPrefix($0 + ", got ") == true
        })
    }
  }

  @Test("every key keeps its value in a place of its own", arguments: names)
  func hasItsPlace(name: String) throws {
    let standard = Dictionary(uniqueKeysWithValues: declared.written(Configuration()).map { ($0.name, $0.value) })
    let key = key(name)
    let other = try #require((key.allowedAtEdges + (key.type == .text ? ["x"] : [])).last { $0 != standard[name] })
    let differences = declared.differences(
      between: Configuration(), and: try defaults(with: name, other), scopes: Set(Scope.allCases))
    let own = Difference(name: name, old: standard[name], new: other)
    #expect(key.setsOthers ? differences.contains(own) && differences.count > 1 : differences == [own])
  }

  @Test("every value of the configuration has a key")
  func everyValueHasAKey() {
    func count(_ value: Any) -> Int {
      let mirror = Mirror(reflecting: value)
      let isSection = mirror.displayStyle == .struct && !mirror.children.isEmpty && !(value is any RawRepresentable)
      return isSection ? mirror.children.reduce(0) { $0 + count($1.value) } : 1
    }
    #expect(count(Configuration()) == names.count)
  }

  // MARK: Keys that count only beside others

  @Test(
    "a key of what is not chosen is named where it says something, and not where it is chosen",
    arguments: [
      ("loss.temperature=0.2", "method.name", "byol", "simclr"), ("byol.momentum=0.9", "method.name", "simclr", "byol"),
      ("moco.temperature=0.1", "method.name", "vicreg", "moco"),
      ("vicreg.variance_weight=1", "method.name", "moco", "vicreg"),
      ("barlow_twins.redundancy_weight=1", "method.name", "simclr", "barlow_twins"),
      ("optimizer.momentum=0.5", "optimizer.name", "adam", "lars"),
      ("optimizer.momentum=0.5", "optimizer.name", "adamw", "sgd"),
      ("optimizer.trust_coefficient=1", "optimizer.name", "sgd", "lars"),
      ("optimizer.beta1=0.5", "optimizer.name", "lars", "adam"),
      ("optimizer.beta2=0.5", "optimizer.name", "sgd", "adamw"),
      ("optimizer.epsilon=0.5", "optimizer.name", "lars", "adam"),
      ("augmentation.local_views.image_size=32", "augmentation.local_views.count", "0", "4"),
      ("augmentation.local_views.blur_probability=0", "augmentation.local_views.count", "0", "4"),
    ])
  func uses(override: String, key: String, other: String, own: String) throws {
    let beside = try Configuration(yaml: "", overrides: [override, "\(key)=\(other)"]).unusedKeys
    #expect(beside?.hasPrefix("\(override.prefix { $0 != "=" }) (counts only with \(key) ") == true, "\(beside ?? "")")
    #expect(try Configuration(yaml: "", overrides: [override, "\(key)=\(own)"]).unusedKeys == nil)
  }

  @Test("keys written out as they are by default are never named, and a program's own method may use any")
  func defaultsAreUsed() throws {
    for method in MethodName.allCases {
      let needed = method == .distill ? ["distill.teacher=teacher.safetensors"] : []
      let written = try Configuration(yaml: "", overrides: ["method.name=\(method.rawValue)"] + needed).yaml()
      #expect(try Configuration(yaml: written).unusedKeys == nil)
    }
    #expect(
      try Configuration(yaml: "", overrides: ["method.name=custom", "loss.temperature=1", "byol.momentum=0.5"])
        .unusedKeys
        == nil)
  }

  // MARK: Keys that must go together

  /// A rule by the key it is about and its text; overrides that keep it at its edge, and that just break it.
  private static let combinations: [(key: String, text: String, keep: [String], break: [String])] =
    [
      (
        "schedule.warmup_epochs", "at most `training.epochs`", ["training.epochs=7", "schedule.warmup_epochs=7"],
        ["training.epochs=7", "schedule.warmup_epochs=7.001"]
      ),
      (
        "optimizer.nesterov", "needs `sgd` with a momentum above 0", ["optimizer.name=sgd", "optimizer.nesterov=true"],
        ["optimizer.name=sgd", "optimizer.nesterov=true", "optimizer.momentum=0"]
      ),
      (
        "moco.queue_length", "a multiple of `training.global_batch_size` with `moco` of version 2",
        ["method.name=moco", "training.global_batch_size=12", "moco.queue_length=24"],
        ["method.name=moco", "training.global_batch_size=12", "moco.queue_length=25"]
      ),
      (
        "swav.queue_length", "a multiple of `training.global_batch_size` with `swav`",
        ["method.name=swav", "training.global_batch_size=12", "swav.queue_length=24", "swav.prototypes=36"],
        ["method.name=swav", "training.global_batch_size=12", "swav.queue_length=25", "swav.prototypes=36"]
      ),
      (
        "swav.prototypes", "at most `training.global_batch_size` and `swav.queue_length` together with `swav`",
        ["method.name=swav", "training.global_batch_size=12", "swav.queue_length=24", "swav.prototypes=36"],
        ["method.name=swav", "training.global_batch_size=12", "swav.queue_length=24", "swav.prototypes=37"]
      ),
      (
        "distill.teacher", "given with `distill`", ["method.name=distill", "distill.teacher=teacher.safetensors"],
        ["method.name=distill", "distill.teacher="]
      ),
      (
        "augmentation.local_views.count", "0 with `amdim`", ["method.name=amdim", "augmentation.local_views.count=0"],
        ["method.name=amdim", "augmentation.local_views.count=1"]
      ),
      (
        "nnclr.queue_length", "a multiple of `training.global_batch_size` with `nnclr`",
        ["method.name=nnclr", "training.global_batch_size=12", "nnclr.queue_length=24"],
        ["method.name=nnclr", "training.global_batch_size=12", "nnclr.queue_length=23"]
      ),
      (
        "encoder.architecture", "a ResNet with `amdim`", ["method.name=amdim", "encoder.architecture=resnet18"],
        ["method.name=amdim", "encoder.architecture=vit_tiny"]
      ),
      (
        "encoder.architecture", "a ResNet with `cmc`", ["method.name=cmc", "encoder.architecture=seresnet50"],
        ["method.name=cmc", "encoder.architecture=convnext_tiny"]
      ),
    ]
    + encoderRules + viewRules("augmentation", [])
    + viewRules("augmentation.second_view", ["augmentation.jitter_strength=0.5"])
    + viewRules("augmentation.local_views", ["augmentation.jitter_strength=0.5"])

  private static let encoderRules: [(key: String, text: String, keep: [String], break: [String])] =
    [
      ("stem", "cifar", "`auto` but for ResNets, ConvNeXts and EfficientNets", "resnet18", "vit_tiny"),
      ("zero_initialize_residuals", "true", "`false` but for ResNets", "resnet18", "convnext_tiny"),
      (
        "stochastic_depth", "0.1", "`0` but for ConvNeXts, EfficientNets and vision transformers", "vit_tiny",
        "resnet18"
      ),
      ("dropout", "0.1", "`0` but for EfficientNets and vision transformers", "vit_tiny", "resnet18"),
      ("patch_size", "4", "`0` but for vision transformers", "vit_tiny", "resnet18"),
      ("pooling", "mean", "`token` but for vision transformers", "vit_tiny", "resnet18"),
      ("positions", "sincos", "`learned` but for vision transformers", "vit_tiny", "resnet18"),
      ("freeze_patch_projection", "true", "`false` but for vision transformers", "vit_tiny", "resnet18"),
    ].map { name, value, text, with, without in
      let set = "encoder.\(name)=\(value)"
      return (
        "encoder.\(name)", text, [set, "encoder.architecture=\(with)"], [set, "encoder.architecture=\(without)"]
      )
    }
    + [("augmentation.image_size", []), ("augmentation.local_views.image_size", ["augmentation.local_views.count=1"])]
    .map {
      size, others in
      let vit = others + ["augmentation.image_size=32", "encoder.architecture=vit_tiny"]
      return (
        "encoder.patch_size", "a divisor of `\(size)` with a vision transformer",
        vit + ["encoder.patch_size=8", "\(size)=64"], vit + ["encoder.patch_size=8", "\(size)=63"]
      )
    }

  private static func viewRules(
    _ view: String, _ others: [String]
  ) -> [(key: String, text: String, keep: [String], break: [String])] {
    func ordered(_ name: String, _ least: Double) -> (key: String, text: String, keep: [String], break: [String]) {
      let minimum = "\(view).\(name)_minimum=\(least)"
      return (
        "\(view).\(name)_maximum", "at least `\(name)_minimum`", [minimum, "\(view).\(name)_maximum=\(least)"],
        [minimum, "\(view).\(name)_maximum=\(least.nextDown)"]
      )
    }
    return [
      ordered("crop_scale", 0.3), ordered("crop_aspect_ratio", 0.9),
      (
        "\(view).jitter_hue", "times `jitter_strength` at most 0.5", others + ["\(view).jitter_hue=0.5"],
        others + ["\(view).jitter_hue=\(others.isEmpty ? 0.501 : 1.001)"]
      ),
      ordered("blur_sigma", 0.7), ordered("erasing_scale", 0.4), ordered("erasing_aspect_ratio", 3.5),
    ]
  }

  @Test("every rule between keys is tested here")
  func rulesAreTested() {
    let all = declared.rules.map { "\(declared.names(of: $0)[0]): \($0.text)" }
    #expect(all.sorted() == Self.combinations.map { "\($0.key): \($0.text)" }.sorted())
  }

  @Test("every rule between keys holds at its edge and refuses what is beyond", arguments: combinations.indices)
  func keepsRule(index: Int) throws {
    let rule = Self.combinations[index]
    _ = try Configuration(yaml: "", overrides: rule.keep)
    let error = #expect(throws: ConfigurationError.self) { try Configuration(yaml: "", overrides: rule.break) }
    #expect(error?.description.contains("': \(rule.key): expected ") == true, "\(String(describing: error))")
    #expect(error?.description.hasPrefix("override '") == true)
  }

  @Test("texts name only keys that there are")
  func textsNameKeys() throws {
    let lastNames = Set(names.map { $0.split(separator: ".").last! })
    for text in declared.keys.map(\.text) + declared.rules.map(\.text) {
      for match in text.matches(of: /`([a-z]+[_.][a-z_.]*[a-z])`/) {
        let name = match.1
        #expect(names.contains(String(name)) || lastNames.contains(name), "\(text)")
      }
    }
  }

  // MARK: Hints

  @Test("what people type who know a key by another name leads to it", arguments: names)
  func synonyms(name: String) throws {
    let section = name.prefix { $0 != "." }
    for synonym in key(name).synonyms where declared["\(section).\(synonym)"] == nil {
      let error = #expect(throws: ConfigurationError.self) {
        try Configuration(yaml: "", overrides: ["\(name.prefix(upTo: name.lastIndex(of: ".")!)).\(synonym)=1"])
      }
      #expect(error?.description.hasSuffix(": did you mean \(name)?") == true, "\(String(describing: error))")
    }
  }

  @Test(
    "habits of other programs lead to the key that is meant",
    arguments: [
      ("lr", "optimizer.learning_rate"), ("optimizer.lr", "optimizer.learning_rate"),
      ("training.lr", "optimizer.learning_rate"),
      ("batch_size", "training.global_batch_size"), ("training.batch_size", "training.global_batch_size"),
      ("arch", "encoder.architecture"), ("model.arch", "encoder.architecture"), ("workers", "data.threads"),
      ("num_workers", "data.threads"), ("tau", "loss.temperature"),
      (
        "temperature",
        "loss.temperature or moco.temperature or nnclr.temperature or supcon.temperature or swav.temperature or cmc.temperature"
      ),
      ("epochs", "training.epochs"), ("wd", "optimizer.weight_decay"), ("weight-decay", "optimizer.weight_decay"),
      ("training.learningRate", "optimizer.learning_rate"), ("seed", "training.seed"),
      ("device", "augmentation.device or training.device"),
      ("momentum", "byol.momentum or moco.momentum or dino.momentum or optimizer.momentum"),
      ("threads", "data.threads or training.threads"), ("method.nam", "method.name"),
      ("max_steps", "training.maximum_steps"), ("warmup", "schedule.warmup_epochs"), ("data_path", "data.path"),
    ])
  func habits(typed: String, meant: String) {
    let error = #expect(throws: ConfigurationError.self) { try Configuration(yaml: "", overrides: ["\(typed)=1"]) }
    #expect(error?.description == "override '\(typed)=1': unknown key '\(typed)': did you mean \(meant)?")
  }

  // MARK: What was written

  @Test("a configuration that simclr 0.1.0 saved is read as it was meant")
  func saved() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/saved-configuration.yaml")
    var expected = Configuration()
    (expected.data.path, expected.data.threads) = ("/images", 2)
    (expected.encoder.architecture, expected.encoder.width, expected.encoder.stem) = (.resnet18, 0.0625, .cifar)
    (expected.projectionHead.hiddenDimension, expected.projectionHead.outputDimension) = (16, 8)
    (expected.augmentation.imageSize, expected.augmentation.jitterProbability) = (16, 0)
    expected.augmentation.grayscaleProbability = 0
    expected.augmentation.secondView.blurProbability = 0.1
    expected.augmentation.secondView.solarizeProbability = 0.2
    (expected.augmentation.localViews.count, expected.augmentation.localViews.imageSize) = (2, 12)
    (expected.optimizer.name, expected.optimizer.learningRate, expected.optimizer.weightDecay) = (.sgd, 0.05, 5e-7)
    expected.optimizer.learningRateScaling = .none
    expected.schedule.warmupEpochs = 0
    (expected.training.globalBatchSize, expected.training.epochs, expected.training.precision) = (8, 3, .fp32)
    (expected.training.device, expected.training.threads) = ("cpu", 1)
    (expected.output.logEverySteps, expected.output.checkpointMinimumSteps) = (1, 0)
    let read = try Configuration(contentsOf: file)
    #expect(read == expected)
    // And it would be saved in the same words, with those of newer keys between them.
    let old = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").dropFirst()
    var next = read.yaml().split(separator: "\n")[...]
    for line in old {
      next = next.drop { $0 != line }.dropFirst()
      #expect(next.startIndex > 0 && (line == old.last || !next.isEmpty), "\(line)")
    }
  }

  @Test("Docs/Configuration.md is what the program prints")
  func documentation() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Docs/Configuration.md")
    #expect(
      try String(contentsOf: file, encoding: .utf8) == ConfigurationReference.markdown + "\n",
      "run: simclr pretrain --keys --markdown > Docs/Configuration.md")
  }
}
