import Foundation
import Keys
import Pretraining
import Testing

/// Methods that learn from labels.
@Suite struct LabelTests {
  @Test("a method that learns from labels refuses images without, before anything is written")
  func refusesUnlabeled() throws {
    let fixture = try TrainingFixture()
    defer { fixture.remove() }
    let run = fixture.run("run")
    let configuration = try fixture.configuration("method.name=supcon")
    let error = #expect(throws: ConfigurationError.self) { try Pretraining.start(configuration, in: run) }
    let text = try #require(error).description
    #expect(text.hasPrefix("method.name: supcon learns from labels, and ") && text.contains("100.jpg has none"))
    #expect(!text.contains("\n"))
    #expect(!FileManager.default.fileExists(atPath: run.url.path))
  }

  @Test("the images' labels reach the loss: with others a step has another loss")
  func labelsCount() throws {
    func firstLoss(classes: Int) throws -> Double {
      let fixture = try TrainingFixture(classCount: classes)
      defer { fixture.remove() }
      var losses: [Double] = []
      // One batch of all images, whose order does not count.
      let configuration = try fixture.configuration(
        "method.name=supcon", "training.global_batch_size=24", "training.maximum_steps=1")
      _ = try Pretraining.start(configuration, in: fixture.run("run")).train { event in
        if case .step(let step) = event { losses.append(step.loss) }
      }
      return try #require(losses.first)
    }
    // Where all images are of one class, an anchor has 47 positives of 47; the loss is at least log 47.
    #expect(try firstLoss(classes: 1) > 3.85)
    #expect(try firstLoss(classes: 12) < firstLoss(classes: 1))
  }
}
