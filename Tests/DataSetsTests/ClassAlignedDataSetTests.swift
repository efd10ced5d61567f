import DataSets
import Foundation
import Images
import TestSupport
import Testing

@Suite("Class alignment")
struct ClassAlignedDataSetTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Class folders with an image each; a name in parentheses is an empty one.
  private func images(_ split: String, _ classes: String...) throws -> ImageFolder {
    for name in classes {
      if name.hasPrefix("(") {
        try folder.write([0], "\(split)/\(name.dropFirst().dropLast())/notes.txt")
      } else {
        try folder.writeImage("\(split)/\(name)/1.jpg")
      }
    }
    return try ImageFolder(folder.url.appendingPathComponent(split))
  }

  private func labels(_ images: ClassAlignedDataSet) -> [String] {
    (0..<images.count).map { images.classNames[images.label(at: $0)!] }
  }

  @Test("classes are joined by name, and those without test images are named")
  func missingInTest() throws {
    let train = try images("train", "cat", "dog", "fox")
    let test = try ClassAlignedDataSet(images("test", "dog", "fox"), with: train)
    #expect(test.classNames == ["cat", "dog", "fox"] && labels(test) == ["dog", "fox"])
    #expect(test.classesWithoutImages == ["cat"] && train.emptyClasses.isEmpty)
  }

  @Test("an empty class of either changes no label")
  func emptyClasses() throws {
    let train = try images("train", "(ant)", "cat", "dog")
    let test = try ClassAlignedDataSet(images("test", "(bee)", "cat", "dog"), with: train)
    #expect(test.classNames == ["ant", "cat", "dog"] && labels(test) == ["cat", "dog"])
    #expect(train.emptyClasses == ["ant"] && test.classesWithoutImages.isEmpty)
  }

  @Test("test images of a class that no train image has are refused, with the way out", arguments: [true, false])
  func strangers(isEmptyInTrain: Bool) throws {
    let train = try isEmptyInTrain ? images("train", "cat", "dog", "(eel)") : images("train", "cat", "dog")
    let test = try images("test", "cat", "dog", "eel")
    #expect(
      message { _ = try ClassAlignedDataSet(test, with: train) }
        == "1 test images are of classes that no train image has (1, first: 'eel', as \(folder.path)/test/eel/1.jpg): "
        + "add train images of them, move these away, or name the classes to take in a list")
  }

  @Test("images without classes stay as they are")
  func unlabeled() throws {
    let train = try images("train", "cat")
    try folder.writeImage("flat/1.jpg")
    let flat = try ClassAlignedDataSet(ImageFolder(folder.url.appendingPathComponent("flat")), with: train)
    #expect(flat.count == 1 && flat.label(at: 0) == nil && flat.classNames.isEmpty)
  }
}
