import Encoders
import Keys

/// Section `distill`, which ``section`` documents key by key.
public struct DistillConfiguration: Equatable, Sendable {
  public var teacher = ""
  public var teacherArchitecture = EncoderArchitecture.resnet50
  public var teacherWidth = 1.0
  public var teacherStem = EncoderConfiguration.Stem.auto

  /// The defaults.
  public init() {}
}

extension DistillConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "distill",
    """
    The encoder that another one learns from. It sees the views as the other one does: `augmentation.mean`, `augmentation.standard_deviation` and
    the size of images must be what it was trained with.
    """
  ) {
    Key(
      "teacher", \.teacher, .any("a file or a run's folder"), scope: .process, typedAs: ["weights", "teacher_weights"],
      "Its weights: a file of them, published or exported, or the folder of a run, whose latest checkpoint is taken.")
    Key(
      "teacher_architecture", \.teacherArchitecture, typedAs: ["architecture", "teacher_arch"], "Which network it is.")
    Key(
      "teacher_width", \.teacherWidth, .from(1.0 / 64, to: 16, [1.0 / 64: "1/64"]), typedAs: ["width"],
      "Multiplies the number of its channels.")
    Key("teacher_stem", \.teacherStem, typedAs: ["stem"], "How it begins, as `encoder.stem`.")
  }

  /// The network that a resolved section describes.
  var teacherSettings: EncoderSettings {
    EncoderSettings(
      teacherArchitecture, width: teacherWidth, stem: teacherStem == .cifar ? .cifar : .imagenet)
  }
}

extension Configuration {
  static let distillationHasATeacher = Rule<Configuration>(
    about: \.distill.teacher, and: \.method.name, text: "given with `distill`"
  ) { configuration in
    guard configuration.method.name == .distill && configuration.distill.teacher.isEmpty else { return nil }
    return Fault(expected: "the weights or the run of the encoder to learn from", got: "nothing")
  }
}
