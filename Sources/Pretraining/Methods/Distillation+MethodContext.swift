import Augmentation
import DataSets
import Encoders
import Foundation
import Methods
import Torch
import TorchNN

extension Distillation {
  /// Sections `projection_head` and `distill`; the teacher has weights that are drawn until it is given others.
  convenience init(_ context: MethodContext) {
    let encoder = context.makeEncoder()
    let teacher = context.configuration.distill.teacherSettings.makeEncoder(generator: context.generator)
    let head = ProjectionHead(
      dimensions: Array(context.projectionDimensions.dropLast()) + [teacher.featureCount],
      normalization: context.configuration.projectionHead.batchNorm ? .hidden : .none, generator: context.generator)
    self.init(encoder: encoder, projectionHead: head, teacher: teacher, over: context.group)
  }

  /// Gives the teacher the weights that section `distill` names.
  ///
  /// - Returns: what was done, in words.
  /// - Throws: ``RunError`` saying why they do not fit; `TorchError` when they cannot be read.
  func loadTeacher(_ configuration: ResolvedConfiguration) throws -> String {
    let (path, settings) = (configuration.distill.teacher, configuration.distill.teacherSettings)
    let url = URL(fileURLWithPath: path)
    guard try FileSystem.kind(of: path) == .folder else {
      let file = try WeightsFile(contentsOf: url)
      do {
        let report = try PublishedWeights(file.tensors).load(
          into: teacher, architecture: settings.architecture.name)
        return "the teacher is \(path): \(report)"
      } catch let error as TorchError {
        throw RunError(
          "distill.teacher: \(path) does not fit a \(settings.architecture.name): \(error)", isWrongUsage: true)
      }
    }
    let run = RunFolder(url)
    try Self.confirm(try run.configuration(), of: path, fits: configuration)
    let trained = try run.encoder().stateDictionary()
    try teacher.load(Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.tensor) }))
    return "the teacher is the encoder of \(path)"
  }

  /// Confirms that the encoder of a run is what a configuration says of its teacher, and was trained on images as they are here.
  private static func confirm(
    _ run: ResolvedConfiguration, of path: String, fits configuration: ResolvedConfiguration
  ) throws {
    let (settings, wanted) = (run.encoderSettings, configuration.distill.teacherSettings)
    guard settings == wanted else {
      throw RunError(
        "distill.teacher: \(path) has another encoder: use distill.teacher_architecture=\(settings.architecture.name) distill.teacher_width=\(settings.width) distill.teacher_stem=\(settings.stem.rawValue)",
        isWrongUsage: true)
    }
    let (theirs, ours) = (run.augmentation, configuration.augmentation)
    guard theirs.mean == ours.mean && theirs.standardDeviation == ours.standardDeviation else {
      throw RunError(
        "distill.teacher: \(path) was trained with colors normalized otherwise: use augmentation.mean=\(theirs.mean) augmentation.standard_deviation=\(theirs.standardDeviation)",
        isWrongUsage: true)
    }
  }
}
