import Torch

extension Module {
  /// Computes the module without keeping what its backward pass needs, and computes it again once gradients arrive (Chen
  /// et al. 2016, arXiv 1604.06174): memory for one more forward pass. Of the module only input and output stay.
  ///
  /// Gradients are exactly those of a plain call; under autocast those of several calls are added in float32, where plain
  /// calls share weights of the lower type and add in it. BatchNorm's running statistics move once, in the first pass; processes
  /// that share statistics exchange them in both.
  ///
  /// - Parameter input: of floating-point type; nobody may change it in place before the backward pass.
  public final func recomputedInBackward(_ input: Tensor) -> Tensor {
    guard gradientsAreRecorded else { return self(input) }
    nonisolated(unsafe) let module = self
    let parameters = trainedParameters().map(\.parameter.value)
    let precision = Autocast.current(on: input.device)
    let needsGradient = input.requiresGradient
    // The same random numbers are drawn again.
    nonisolated(unsafe) let drawing = module.drawingLayers()
    let images = drawing.first?.images
    // Parameters are inputs too: their gradients then leave the operation as those of any other do, once for all calls, and
    // whoever adds them up over processes sees nothing special.
    let recomputing = DifferentiableOperation { inputs in
      let input = inputs[0]
      let backward: DifferentiableOperation.Backward = { gradients in
        let again = input.detached().requireGradient(needsGradient)
        let output = withGradients {
          module.withoutTrackingStatistics { drawing.seeing(images) { precision { module(again) } } }
        }
        let sources = needsGradient ? [again] + parameters : parameters
        let found = output.gradients(of: sources, weightedBy: gradients[0])
        return needsGradient ? found : [nil] + found
      }
      return ([module(input)], backward)
    }
    return recomputing([input] + parameters)[0]
  }

  /// Runs `body` with BatchNorm's running statistics left as they are.
  public final func withoutTrackingStatistics<Result>(_ body: () -> Result) -> Result {
    let layers = batchNorms()
    let before = layers.map(\.tracksRunningStatistics)
    for layer in layers { layer.tracksRunningStatistics = false }
    defer { for (layer, tracks) in zip(layers, before) { layer.tracksRunningStatistics = tracks } }
    return body()
  }
}
