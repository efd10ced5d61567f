import DataSets
import Foundation
import Keys

extension ResolvedConfiguration {
  /// The images to train on.
  ///
  /// - Throws: `ConfigurationError` when none are named; `DataSetError` when they are not there.
  func trainingImages() throws -> any ImageDataSet {
    let data = configuration.data
    guard !data.path.isEmpty else {
      throw ConfigurationError(
        \.data.path, "expected a folder of training images; give \(Configuration.keys.name(of: \.data.path))=DIR")
    }
    return try data.openTrainingImages()
  }
}

extension DataConfiguration {
  /// The images to train on.
  ///
  /// - Throws: `DataSetError` when they are not there, or a list names some that are not.
  func openTrainingImages() throws -> any ImageDataSet {
    let parts = try path.paths.map { try openSplit(URL(fileURLWithPath: $0)) }
    var images = parts.count == 1 ? parts[0] : JoinedDataSet(parts)
    if !classes.isEmpty { images = try SubsetDataSet(images, classesIn: URL(fileURLWithPath: classes)) }
    if !subset.isEmpty { images = try SubsetDataSet(images, imagesIn: URL(fileURLWithPath: subset)) }
    return images
  }

  private func openSplit(_ root: URL) throws -> any ImageDataSet {
    let locator = DataSetLocator(for: .pretraining, imageKey: imageKey)
    func open(_ split: DataSetSplit) throws -> any ImageDataSet {
      try locator.locate(root, split: split).images
    }
    switch split {
    case .train: return try open(.train)
    case .unlabeled: return try open(.unlabeled)
    case .trainAndUnlabeled: return JoinedDataSet(try open(.train), try open(.unlabeled))
    case .auto:
      let train = try open(.train)
      return locator.hasUnlabeledApart(root) ? JoinedDataSet(train, try open(.unlabeled)) : train
    }
  }
}
