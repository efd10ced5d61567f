import Augmentation
import Encoders
import Foundation
import Keys
import Pretraining
import Testing

@Suite struct ConfigurationTests {
  private func error(_ yaml: String, _ overrides: [String] = []) -> String {
    do {
      _ = try Configuration(yaml: yaml, name: "recipe.yaml", overrides: overrides)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test("an empty file gives the defaults, and every key is optional")
  func defaults() throws {
    #expect(try Configuration(yaml: "") == Configuration())
    #expect(try Configuration(yaml: "# nothing\ntraining:\n") == Configuration())
    let one = try Configuration(yaml: "encoder:\n  architecture: resnet18\n")
    #expect(one.encoder.architecture == .resnet18)
    #expect(one.training == TrainingConfiguration())
  }

  @Test("overrides go on top of the file")
  func overrides() throws {
    let configuration = try Configuration(
      yaml: "training: {epochs: 3, global_batch_size: 64}\nschedule: {warmup_epochs: 1}",
      overrides: ["training.epochs=5", "optimizer.name=sgd", "augmentation.mean=[0.5, 0.5, 0.5]", "data.path=/a=b"])
    #expect(configuration.training.epochs == 5)
    #expect(configuration.training.globalBatchSize == 64)
    #expect(configuration.optimizer.name == .sgd)
    #expect(configuration.augmentation.mean == [0.5, 0.5, 0.5])
    #expect(configuration.data.path == "/a=b")
  }

  @Test("a preset sets keys, those that are given too lie over it wherever they stand, and it is saved as its values")
  func presets() throws {
    let medical = try Configuration(yaml: "augmentation: {jitter_contrast: 0.6, preset: medical}")
    #expect(medical.augmentation.grayscaleProbability == 0 && medical.augmentation.rotationProbability == 0.5)
    #expect(medical.augmentation.jitterContrast == 0.6 && medical.augmentation.jitterBrightness == 0.4)
    #expect(try Configuration(yaml: medical.yaml()) == medical)
    let aerial = try Configuration(
      yaml: "augmentation: {preset: medical, jitter_contrast: 0.6}",
      overrides: ["augmentation.jitter_hue=0.2", "augmentation.preset=aerial"])
    #expect(aerial.augmentation.rotationProbability == 0 && aerial.augmentation.quarterTurnProbability == 0.75)
    #expect(aerial.augmentation.jitterContrast == 0.4 && aerial.augmentation.jitterHue == 0.2)
    let natural = try Configuration(yaml: aerial.yaml(), overrides: ["augmentation.preset=natural"])
    #expect(natural == Configuration())
    #expect(
      error("augmentation: {preset: satellite}")
        == "recipe.yaml, line 1: augmentation.preset: expected one of natural, medical, aerial, got 'satellite'")
  }

  @Test("the text of a configuration gives the same configuration, with numbers as people write them")
  func roundTrip() throws {
    var configuration = Configuration()
    configuration.optimizer.weightDecay = 5e-7
    configuration.encoder.width = 0.25
    configuration.data.path = "images: of 'cats', 100 %"
    let text = configuration.yaml()
    #expect(try Configuration(yaml: text) == configuration)
    #expect(text.contains("temperature: 0.5\n"))
    #expect(text.contains("mean: [0.485, 0.456, 0.406]\n"))
    #expect(text.contains("global_batch_size: 256\n"))
  }

  @Test("what a view has for itself is given in files and overrides, left out where it has nothing, and taken back")
  func optionalKeys() throws {
    let yaml = """
      augmentation:
        blur_probability: 1
        second_view: {blur_probability: 0.1}
        local_views:
          count: 6
          jitter_strength: 0.5
      """
    let configuration = try Configuration(
      yaml: yaml,
      overrides: [
        "augmentation.second_view.solarize_probability=0.2", "augmentation.local_views.crop_scale_maximum=0.3",
      ])
    var expected = Configuration()
    expected.augmentation.blurProbability = 1
    expected.augmentation.secondView.blurProbability = 0.1
    expected.augmentation.secondView.solarizeProbability = 0.2
    expected.augmentation.localViews.count = 6
    expected.augmentation.localViews.overrides.jitterStrength = 0.5
    expected.augmentation.localViews.overrides.cropScaleMaximum = 0.3
    #expect(configuration == expected)
    #expect(try Configuration(yaml: configuration.yaml()) == configuration)
    #expect(
      configuration.yaml().contains(
        """
          second_view:
            blur_probability: 0.1
            solarize_probability: 0.2
          local_views:
            count: 6
            image_size: 96
            crop_scale_minimum: 0.05
            crop_scale_maximum: 0.3
            jitter_strength: 0.5

        """))

    #expect(Configuration().yaml().contains("\n  second_view: {}\n"))
    let back = try Configuration(
      yaml: yaml, overrides: ["augmentation.second_view.blur_probability=null", "augmentation.local_views.count=0"])
    #expect(back.augmentation.secondView == ViewOverrides())
    #expect(
      error("augmentation:\n  second_view:\n    image_size: 96")
        == "recipe.yaml, line 3: unknown key 'augmentation.second_view.image_size': did you mean augmentation.local_views.image_size?"
    )
    #expect(
      error("", ["augmentation.second_view.blur_probabilty=1"])
        == "override 'augmentation.second_view.blur_probabilty=1': unknown key 'augmentation.second_view.blur_probabilty': did you mean augmentation.second_view.blur_probability?"
    )
    #expect(
      error("augmentation:\n  second_view: {flip_probability: often}")
        == "recipe.yaml, line 2: augmentation.second_view.flip_probability: expected a number, got 'often'")
    #expect(
      error("augmentation:\n  local_views: {flip_probability: often}")
        == "recipe.yaml, line 2: augmentation.local_views.flip_probability: expected a number, got 'often'")
    #expect(
      error("augmentation:\n  local_views: {image_size: 0}")
        == "recipe.yaml, line 2: augmentation.local_views.image_size: expected at least 1, got 0")
    #expect(
      error("augmentation:\n  second_view: 3")
        == "recipe.yaml, line 2: expected augmentation.second_view to be a section of keys, got '3'")
  }

  @Test("an unknown key is refused with its line and the nearest known key")
  func unknownKey() {
    #expect(
      error("training:\n  epochs: 3\n  global_batchsize: 64\n")
        == "recipe.yaml, line 3: unknown key 'training.global_batchsize': did you mean training.global_batch_size?"
    )
    #expect(
      error("optimiser: {name: sgd}")
        == "recipe.yaml, line 1: unknown section 'optimiser': did you mean optimizer?")
    #expect(
      error("", ["loss.temprature=1"])
        == "override 'loss.temprature=1': unknown key 'loss.temprature': did you mean loss.temperature?")
  }

  @Test("a value of the wrong kind is refused with its line, what was expected and what came")
  func wrongType() {
    #expect(
      error("training:\n  epochs: many\n")
        == "recipe.yaml, line 2: training.epochs: expected a whole number, got 'many'")
    #expect(
      error("", ["optimizer.name=adagrad"])
        == "override 'optimizer.name=adagrad': optimizer.name: expected one of sgd, lars, adam, adamw, got 'adagrad'")
    #expect(
      error("", ["optimizer.learning_rate_scaling=cubic"])
        == "override 'optimizer.learning_rate_scaling=cubic': optimizer.learning_rate_scaling: expected one of none, linear, sqrt, got 'cubic'"
    )
    #expect(
      error("", ["augmentation.interpolation=nearest"])
        == "override 'augmentation.interpolation=nearest': augmentation.interpolation: expected one of bilinear, bicubic, got 'nearest'"
    )
    #expect(
      error("projection_head:\n  batch_norm: 7\n")
        == "recipe.yaml, line 2: projection_head.batch_norm: expected true or false, got '7'")
    #expect(
      error("encoder: resnet18") == "recipe.yaml, line 1: expected encoder to be a section of keys, got 'resnet18'")
    #expect(error("- a\n- b") == "recipe.yaml, line 1: expected sections of keys at the top, got '[a, b]'")
  }

  @Test(
    "a value out of its range is refused with its place and the range",
    arguments: [
      ("loss.temperature=0", "loss.temperature: expected a number above 0, got 0.0"),
      ("loss.temperature=-1", "loss.temperature: expected a number above 0, got -1.0"),
      ("training.global_batch_size=1", "training.global_batch_size: expected at least 2, got 1"),
      ("projection_head.layers=4", "projection_head.layers: expected 1, 2 or 3, got 4"),
      (
        "schedule.warmup_epochs=101",
        "schedule.warmup_epochs: expected a number from 0 to training.epochs (100), got 101.0"
      ),
      ("augmentation.flip_probability=1.5", "augmentation.flip_probability: expected a number from 0 to 1, got 1.5"),
      (
        "optimizer.nesterov=true",
        "optimizer.nesterov: expected false unless optimizer.name is sgd with a momentum above 0, got true"
      ),
    ])
  func outOfRange(override: String, message: String) {
    #expect(error("", [override]) == "override '\(override)': \(message)")
  }

  @Test("broken YAML and broken overrides are refused in a line")
  func broken() {
    #expect(error("training: {epochs: 3").hasPrefix("recipe.yaml is not valid YAML: line "))
    #expect(error("", ["epochs"]) == "expected an override of the form section.key=value, got 'epochs'")
    #expect(error("", ["=3"]) == "expected an override of the form section.key=value, got '=3'")
  }

  @Test("resolving fills in the stem, the precision, the head's hidden size and the beginning of paths")
  func resolved() throws {
    var configuration = Configuration()
    configuration.augmentation.imageSize = 32
    // Nothing is asked of this device, which is not there.
    configuration.training.device = "cuda:77"
    (configuration.data.path, configuration.data.classes) = ("images/", "/lists/../classes.txt")
    let machine = MachineOffer(fastestPrecision: .fp16, workingFolder: "/somewhere")
    let resolved = configuration.resolved(for: machine)
    #expect(resolved.encoder.stem == .cifar)
    #expect(resolved.training.precision == .fp16)
    #expect(resolved.projectionHead.hiddenDimension == 2048)
    #expect(resolved.data.path == "/somewhere/images" && resolved.data.classes == "/classes.txt")
    #expect(resolved.data.subset == "" && resolved.training.device == "cuda:77")
    configuration.augmentation.imageSize = 224
    configuration.encoder.architecture = .resnet18
    configuration.encoder.width = 0.25
    #expect(configuration.resolved(for: machine).encoder.stem == .imagenet)
    #expect(configuration.resolved(for: machine).projectionHead.hiddenDimension == 128)
  }

  @Test("what was resolved is read and resolved to the same on another machine")
  func resolvedElsewhere() throws {
    let resolved = Configuration().resolved(for: MachineOffer(fastestPrecision: .bf16, workingFolder: "/here"))
    let other = MachineOffer(fastestPrecision: .fp16, workingFolder: "/there")
    #expect(try Configuration(yaml: resolved.yaml()).resolved(for: other) == resolved)
  }

  @Test("a missing file is named")
  func missingFile() {
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration(contentsOf: URL(fileURLWithPath: "/nowhere/recipe.yaml"))
    }
    #expect(error?.description == "cannot read the configuration /nowhere/recipe.yaml: no such file")
  }
}
