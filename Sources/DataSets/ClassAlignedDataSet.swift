import Images

/// A data set whose labels are those of another that has classes of the same names: test images, counted as the train
/// images are. Neither needs to have images of every class.
public struct ClassAlignedDataSet: ImageDataSet {
  public let classNames: [String]
  /// Classes of the other data set that have no images here, by name.
  public let classesWithoutImages: [String]
  private let images: any ImageDataSet
  /// The label there of a label here; nil where no image has it.
  private let labels: [Int?]

  /// - Parameters:
  ///   - images: What is counted anew; it stays as it is where it has no classes.
  ///   - reference: What it is counted like.
  /// - Throws: `DataSetError` when there are images of a class that the other data set has no images of.
  public init(_ images: any ImageDataSet, with reference: any ImageDataSet) throws {
    self.images = images
    guard !images.classNames.isEmpty, !reference.classNames.isEmpty else {
      (classNames, classesWithoutImages, labels) = (images.classNames, [], Array(images.classNames.indices))
      return
    }
    let counts = images.imagesOfClasses
    let known = reference.imagesOfClasses
    // Names that differ in bytes may be the same text; then the first counts.
    let places = Dictionary(reference.classNames.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
    let labels = images.classNames.enumerated().map { label, name in counts[label] > 0 ? places[name] : nil }
    let strangers = labels.indices.filter { label in
      counts[label] > 0 && (labels[label].map { known[$0] == 0 } ?? true)
    }
    if let first = strangers.first {
      let count = strangers.reduce(0) { $0 + counts[$1] }
      throw DataSetError(
        "\(count) test images are of classes that no train image has (\(strangers.count), first: "
          + "'\(images.classNames[first])', as \(Self.example(of: first, in: images))): add train images of them, move "
          + "these away, or name the classes to take in a list")
    }
    (self.labels, classNames) = (labels, reference.classNames)
    let found = Set(labels.compactMap { $0 })
    classesWithoutImages = known.indices.filter { !found.contains($0) && known[$0] > 0 }
      .map { reference.classNames[$0] }
  }

  private static func example(of label: Int, in images: any ImageDataSet) -> String {
    images.indices.first { images.label(at: $0) == label }.map(images.name(at:)) ?? ""
  }

  public var count: Int { images.count }
  public var layout: String { images.layout }
  public var passedOver: PassedOver { images.passedOver }

  public func label(at index: Int) -> Int? { images.label(at: index).flatMap { labels[$0] } }

  public func name(at index: Int) -> String { images.name(at: index) }
  public func key(at index: Int) -> String { images.key(at: index) }

  public func read(at index: Int, into buffer: ByteBuffer) throws -> StoredImage {
    try images.read(at: index, into: buffer)
  }
}

extension ImageDataSet {
  /// How many images each class has.
  var imagesOfClasses: [Int] {
    var counts = Array(repeating: 0, count: classNames.count)
    for index in indices {
      if let label = label(at: index) { counts[label] += 1 }
    }
    return counts
  }

  /// Classes that are there by name only.
  public var emptyClasses: [String] {
    zip(classNames, imagesOfClasses).filter { $0.1 == 0 }.map(\.0)
  }
}
