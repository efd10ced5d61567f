import Evaluation
import Testing
import Torch

@Suite("What evaluation refuses")
struct FeaturesTests {
  /// The error of kNN and of the linear probe, which must be the same.
  private func refusal(train: Features, test: Features) -> String? {
    let nearest = #expect(throws: EvaluationError.self) {
      try NearestNeighbors().accuracy(train: train, test: test)
    }
    let linear = #expect(throws: EvaluationError.self) {
      try LinearProbe(epochs: 1).train(on: train, seed: 0).accuracy(on: test)
    }
    #expect(nearest == linear)
    return nearest?.description
  }

  private func features(labels: [Int], classNames: [String] = []) -> Features {
    Features(
      values: Tensor.randn([labels.count, 2], generator: Generator(seed: 5)), labels: labels,
      sampleIndices: Array(labels.indices), classNames: classNames)
  }

  @Test("images without labels")
  func unlabeled() {
    #expect(
      refusal(train: features(labels: [-1, -1]), test: twoClasses(perClass: 1))
        == "evaluation needs labeled images, but 2 of 2 train images have no label. "
        + "Put the images of each class into a folder of its own, such as train/CLASS/image.jpg")
    #expect(
      refusal(train: twoClasses(perClass: 1), test: features(labels: [0, -1, 1]))
        == "evaluation needs labeled images, but 1 of 3 test images have no label. "
        + "Put the images of each class into a folder of its own, such as test/CLASS/image.jpg")
  }

  @Test("no images")
  func empty() {
    #expect(
      refusal(train: twoClasses(perClass: 1), test: features(labels: []))
        == "evaluation needs labeled images, but there are no test images")
  }

  @Test("train images of one class, or a single one")
  func oneClass() {
    #expect(
      refusal(train: features(labels: [1, 1, 1], classNames: ["circle", "square"]), test: twoClasses(perClass: 1))
        == "evaluation needs train images of at least two classes, but all 3 are of class 'square'")
    #expect(
      refusal(train: features(labels: [0]), test: twoClasses(perClass: 1))
        == "evaluation needs train images of at least two classes, but all 1 are of class 0")
  }

  @Test("features that are not numbers, naming the image")
  func notANumber() {
    let test = Features(
      values: Tensor([0, 1, .nan, 1, 1, .infinity] as [Float], shape: [3, 2]), labels: [0, 1, 0],
      sampleIndices: [4, 9, 11])
    #expect(
      refusal(train: twoClasses(perClass: 2), test: test)
        == "2 of 3 test images have features that are not finite numbers (first: image 9). "
        + "The encoder's weights are damaged, or its training diverged")
  }

  @Test("test images of other classes than the train images")
  func otherClasses() {
    let train = twoClasses(perClass: 2)
    #expect(
      refusal(train: train, test: twoClasses(perClass: 1, classNames: ["circle", "star"]))
        == "train and test images must have the same classes, but 'square' is only in train, 'star' is only in test")
    #expect(
      refusal(train: train, test: twoClasses(perClass: 1, classNames: ["square", "circle"]))
        == "train and test images must have the same classes, but theirs are in another order")
    #expect(
      refusal(train: train, test: features(labels: [2]))
        == "a test image is of class 2, but the train images have 2 classes")
  }

  @Test("a single test image is enough")
  func singleTestImage() throws {
    let (train, test) = (twoClasses(perClass: 2), features(labels: [0]))
    let accuracy = try NearestNeighbors().accuracy(train: train, test: test)
    #expect(accuracy.top5 == 100)
    #expect(try LinearProbe().train(on: train, seed: 0).accuracy(on: test).top5 == 100)
  }

  @Test("some of the images keep their features, labels and places; those that could not be read are left out")
  func selecting() {
    let whole = Features(
      values: Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [3, 2]), labels: [0, 1, 0], sampleIndices: [4, 9, 11],
      classNames: ["circle", "square"])
    let part = whole.selecting([11, 10, 4])
    #expect(part.values.array(of: Float.self) == [4, 5, 0, 1])
    #expect(part.labels == [0, 0] && part.sampleIndices == [11, 4] && part.classNames == whole.classNames)
    #expect(whole.selecting([1]).count == 0)
  }
}
