import Foundation
import Torch

/// Augments a batch of crops on a device, all samples together: what `ViewAugmenter.apply` does to one crop from its colors
/// on, with the same parameters, hence from the same random numbers.
///
/// The arithmetic is that of the primitives of `PixelImage`, whole levels after every step, so that results agree with
/// theirs to two levels of 255 and nearly always exactly (a Gaussian sum that lies half-way between two levels may round
/// to the other one).
///
/// Samples that need the same operation at the same place in their order are picked out, changed together and put back:
/// the number of operations asked of the device does not depend on the number of samples.
public struct BatchAugmenter: Sendable {
  /// Settings of the view, one of `AugmentationConfiguration.views`.
  public let settings: AugmentationConfiguration
  /// Where the work is done.
  public let device: Device
  /// The type of the views' elements.
  public let dtype: DType
  private let maximumElements: Int
  private let scale: Tensor
  private let offset: Tensor
  private let erasedLevels: Tensor
  private let color: BatchColor
  private let blur: BatchBlur?

  /// - Parameters:
  ///   - settings: of the view; valid.
  ///   - dtype: of the result: float32, or float16 or bfloat16 to have what mixed precision would round to anyway.
  ///   - maximumElements: most elements that are worked on at a time, which bounds memory: it takes about twelve bytes
  ///     for each beside crops and result.
  public init(
    _ settings: AugmentationConfiguration, device: Device, dtype: DType = .float32, maximumElements: Int = 1 << 26
  ) {
    precondition(dtype.isFloatingPoint, "BatchAugmenter: views are floating-point numbers, not \(dtype)")
    self.settings = settings
    self.device = device
    self.dtype = dtype
    self.maximumElements = maximumElements
    func channels(_ values: [Float]) -> Tensor { Tensor(values, shape: [1, 3, 1, 1]).to(device: device) }
    let (scale, offset) = (settings.normalization.scale, settings.normalization.offset)
    self.scale = channels([scale.x, scale.y, scale.z])
    self.offset = channels([offset.x, offset.y, offset.z])
    erasedLevels = channels(settings.erasedLevels.map(Float.init))
    color = BatchColor(device: device)
    let radius = settings.blurKernelSize / 2
    blur = radius > 0 ? BatchBlur(imageSize: settings.imageSize, radius: radius, device: device) : nil
  }

  /// Views of crops.
  ///
  /// - Parameters:
  ///   - crops: uint8 `[N, 3, S, S]` on any device, as `ViewAugmenter.crop` makes them.
  ///   - parameters: of each crop, `N` of them.
  /// - Returns: `[N, 3, S, S]` on `device`, normalized.
  public func callAsFunction(_ crops: Tensor, _ parameters: [ViewParameters]) -> Tensor {
    let side = settings.imageSize
    precondition(
      crops.dtype == .uint8 && crops.shape == [parameters.count, 3, side, side],
      "BatchAugmenter: expected uint8 [\(parameters.count), 3, \(side), \(side)], got \(crops.summary)")
    let size = max(1, maximumElements / (3 * side * side))
    return withoutGradients {
      // Blurring is a matrix product, and levels need more digits than mixed precision leaves one.
      withAutocast(device, .float32) {
        let parts = stride(from: 0, to: parameters.count, by: size).map { start in
          let part = start..<min(start + size, parameters.count)
          return augmented(crops.narrow(0, part), Array(parameters[part]))
        }
        return parts.count == 1 ? parts[0] : Tensor.concatenate(parts)
      }
    }
  }

  private func augmented(_ crops: Tensor, _ parameters: [ViewParameters]) -> Tensor {
    // To the device as bytes, a quarter of what floats take.
    let levels = crops.to(device: device).to(.float32).contiguous()
    let plan = BatchPlan(parameters, imageSize: settings.imageSize, blurRadius: blur?.radius)
    let steps = plan.steps(on: device)
    for (step, rows, values) in steps {
      let picked = levels.indexSelect(0, rows)
      levels.indexCopy_(0, rows, changed(picked, step, values))
    }
    return levels.mul_(scale).add_(offset).to(dtype)
  }

  private func changed(_ levels: Tensor, _ step: BatchPlan.Operation, _ values: Tensor) -> Tensor {
    switch step {
    case .brightness: color.brightness(levels, values)
    case .contrast: color.contrast(levels, values)
    case .saturation: color.saturation(levels, values)
    case .hue: color.hue(levels, values)
    case .grayscale: color.grayLevels(levels).expanded(levels.shape)
    case .blur: blur?(levels, weights: values) ?? levels
    case .solarize: color.solarize(levels, threshold: settings.solarizeThreshold * 255)
    case .erase: erased(levels, values)
    }
  }
}

extension BatchAugmenter {
  /// - Parameter values: `[K, 2S]`, rows and columns of what is erased.
  private func erased(_ levels: Tensor, _ values: Tensor) -> Tensor {
    let (count, side) = (levels.shape[0], settings.imageSize)
    let rows = values.narrow(1, 0..<side).reshaped([count, 1, side, 1])
    let columns = values.narrow(1, side..<2 * side).reshaped([count, 1, 1, side])
    // Whole levels and a mask of ones and zeros: exact.
    return levels + (erasedLevels - levels).mul_(rows * columns)
  }
}

extension AugmentationConfiguration {
  /// The device that augments in batch; `nil` where the loader's threads do it.
  ///
  /// - Parameter trainingDevice: what `cuda` without a number means, if it is a CUDA device.
  /// - Throws: `TorchError` when this machine has no such device.
  public func batchDevice(trainingOn trainingDevice: Device) throws -> Device? {
    if device == "loader" { return nil }
    if case .cuda(let number) = Device.Name(device) {
      if number == nil, case .cuda = trainingDevice { return trainingDevice }
      if let reason = CUDA.whyUnavailable {
        throw TorchError("CUDA is not available: \(reason)", advice: "use loader")
      }
    }
    return try Device(named: device)
  }
}
