import Torch

/// What a process learns from its device once a step's gradients are asked for: two numbers in one reading.
///
/// To read a number of a CUDA device is to wait until all that was asked of it is done, and meanwhile nothing new is
/// asked. So a step reads once, before its update: then nothing has to be taken back where the step must be skipped, and
/// any optimizer can be used, divided ones too. What the device idles is the time of asking for the update.
struct StepReading {
  private let both: Tensor

  /// Asks for the numbers, and does not wait.
  ///
  /// - Parameters:
  ///   - loss: this process's part, no dimensions.
  ///   - gradients: of all parameters, with whatever scale is in them.
  init(loss: Tensor, gradients: [Tensor]) {
    both = withoutGradients { Tensor.stack([loss.to(.float64), Foreach.jointNorm(gradients)]) }
  }

  /// Waits for the loss and for the joint Euclidean norm of the gradients, which is finite where all of them are.
  func wait() -> (loss: Double, gradientNorm: Double) {
    let numbers = both.array(of: Double.self)
    return (numbers[0], numbers[1])
  }
}
