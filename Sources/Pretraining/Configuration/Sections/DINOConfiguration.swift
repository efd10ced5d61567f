import Keys

/// Section `dino`, which ``section`` documents key by key.
public struct DINOConfiguration: Equatable, Sendable {
  public var outputDimension = 65_536
  public var normalizesLastLayer = true
  public var frozenLastLayerEpochs = 1.0
  public var studentTemperature = 0.1
  public var firstTeacherTemperature = 0.04
  public var teacherTemperature = 0.04
  public var teacherTemperatureWarmupEpochs = 0
  public var centerMomentum = 0.9
  public var momentum = 0.996

  /// The defaults.
  public init() {}
}

extension DINOConfiguration {
  /// The declarations of its keys.
  public static let section = Section<Self>(
    "dino",
    """
    What DINO has besides the projection head, whose output here is the bottleneck before the last layer (the paper's: 256).
    """
  ) {
    Key(
      "output_dimension", \.outputDimension, .atLeast(2), typedAs: ["out_dim", "num_prototypes"],
      "Outputs of the last layer.")
    Key(
      "normalizes_last_layer", \.normalizesLastLayer, typedAs: ["norm_last_layer"],
      "Whether the last layer's weights keep the length 1; otherwise their lengths are learned.")
    Key(
      "frozen_last_layer_epochs", \.frozenLastLayerEpochs, .atLeast(0, [0: "none"]), typedAs: ["freeze_last_layer"],
      "Epochs in which the last layer stays as it was drawn; a fraction is allowed.")
    Key(
      "student_temperature", \.studentTemperature, .above(0), typedAs: ["student_temp"],
      "What the student's outputs are divided by.")
    Key(
      "first_teacher_temperature", \.firstTeacherTemperature, .above(0), typedAs: ["warmup_teacher_temp"],
      "What the teacher's outputs are divided by in the first epoch of the warm-up.")
    Key(
      "teacher_temperature", \.teacherTemperature, .above(0), typedAs: ["teacher_temp"],
      "What the teacher's outputs are divided by after the warm-up.")
    Key(
      "teacher_temperature_warmup_epochs", \.teacherTemperatureWarmupEpochs, .atLeast(0, [0: "none"]),
      typedAs: ["warmup_teacher_temp_epochs"], "Epochs of the warm-up, epoch by epoch along a line.")
    Key(
      "center_momentum", \.centerMomentum, .from(0, to: 1),
      "How much of the center of the teacher's outputs a step keeps.")
    Key(
      "momentum", \.momentum, .from(0, to: 1), typedAs: ["momentum_teacher", "base_tau"],
      "How much of the teacher a step keeps at first; rises to 1 along a cosine.")
  }
}
