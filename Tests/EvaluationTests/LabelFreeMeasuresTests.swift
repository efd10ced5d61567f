import Augmentation
import DataSets
import Encoders
import Evaluation
import Foundation
import Loading
import TestSupport
import Testing
import Torch

@Suite("Measures without labels")
struct LabelFreeMeasuresTests {
  @Test("RankMe, LiDAR, alignment and uniformity are their papers' formulas, which Fixtures/label_free.py wrote out")
  func parity() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/label_free.json")
    let expected = try JSONDecoder().decode([String: Double].self, from: Data(contentsOf: file))
    let mix = Tensor.pattern("label_free.mix", [4, 16])
    let features =
      Tensor.pattern("label_free.images", [60, 4]).matmul(mix)
      + Tensor.pattern("label_free.noise", [60, 16], scale: 0.1)
    let views = features.narrow(0, 0..<40).unsqueezed(0) + Tensor.pattern("label_free.views", [6, 40, 16], scale: 0.3)
    let measures = LabelFreeMeasures(features: features, views: views)
    #expect(measures.largestRank == 16)
    #expect(abs(measures.rankMe - expected["rank_me"]!) < 1e-4)
    #expect(abs(measures.lidar - expected["lidar"]!) < 1e-4)
    #expect(abs(measures.alignment - expected["alignment"]!) < 1e-6)
    #expect(abs(measures.uniformity - expected["uniformity"]!) < 1e-6)
  }

  @Test("collapsed features have rank 1, no distance and no uniformity")
  func collapse() {
    let features = Tensor.ones([50, 8])
    let measures = LabelFreeMeasures(features: features, views: Tensor.ones([4, 50, 8]))
    #expect(abs(measures.rankMe - 1) < 1e-3)
    #expect(abs(measures.alignment) < 1e-9 && abs(measures.uniformity) < 1e-9)
    #expect(measures.lidar.isFinite)
  }

  @Test("fewer images than features give what is there")
  func fewImages() {
    let measures = LabelFreeMeasures(
      features: Tensor.pattern("few", [5, 12]), views: Tensor.pattern("few.views", [4, 5, 12]))
    #expect(measures.largestRank == 5 && measures.rankMe <= 5.01 && measures.lidar <= 5.01)
  }

  @Test("views of an image are those of pretraining, in the order of the data set, and unreadable images are left out")
  func views() throws {
    var augmentation = AugmentationConfiguration()
    augmentation.imageSize = 16
    let encoder = ResNet(.resnet18, width: 0.125, stem: .cifar, generator: Generator(seed: 1))
    let (extractor, augmenter) = (FeatureExtractor(encoder), ViewAugmenter(augmentation, seed: 4))
    let images = StripedImages(count: 120, unreadable: [7])
    var last = 0
    let views = try extractor.features(
      ofViews: 4, of: images, by: augmenter, options: .init(threads: 2),
      onProgress: { done, total in
        last = done
        #expect(total == 480)
      })
    #expect(views.shape == [4, 119, 64] && last == 480)
    for (view, image) in [(0, 3), (1, 3), (2, 50), (3, 119)] {
      let picture = augmenter.view(of: try images.image(at: image), epoch: view / 2, sample: image, view: view % 2)
      var pixels = [Float](repeating: 0, count: 3 * 16 * 16)
      pixels.withUnsafeMutableBufferPointer { augmenter.write(normalized: picture, to: $0) }
      let alone = extractor(Tensor(pixels, shape: [1, 3, 16, 16]))
      let place = image < 7 ? image : image - 1
      #expect(greatestDifference(alone, views.select(0, view).narrow(0, place..<place + 1)) < 1e-4)
    }
  }
}
