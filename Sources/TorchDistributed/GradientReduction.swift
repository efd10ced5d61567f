import CTorch
import Foundation
import Torch
import TorchNN

/// How the parts of a gradient that the processes computed become their sum.
///
/// A sum and not a mean: every process computes its part of one loss over the global batch.
public protocol GradientReduction: AnyObject {
  /// Backpropagates from `output` and adds up, over the processes, every parameter's gradient with all that was
  /// accumulated in it since it was last taken away.
  ///
  /// - Parameter gradient: the derivative of the loss with respect to `output`; may be left out for a scalar.
  /// - Throws: ``DistributedError`` when a process does not take part; `TorchError` when memory runs out.
  func backward(from output: Tensor, _ gradient: Tensor?) throws

  /// How long it waited for other processes with nothing else to do.
  var waited: Duration { get }
}

/// For one process: nothing to add up.
public final class NoReduction: GradientReduction {
  public let waited = Duration.zero

  /// Keeps nothing.
  public init() {}

  public func backward(from output: Tensor, _ gradient: Tensor?) { output.backward(gradient) }
}

/// Adds gradients up in buckets while the backward pass goes on (c10d's Reducer, as in DistributedDataParallel).
public final class BucketedReduction: GradientReduction {
  /// How gradients are grouped and sent.
  public struct Options: Sendable {
    /// Bytes of gradients that are sent together.
    public var bucketBytes = 25 << 20
    /// The first bucket, which holds the last layers and is ready first.
    public var firstBucketBytes = 1 << 20
    /// Sends and adds bfloat16: half the bytes, eight bits of precision.
    public var compressesToBFloat16 = false
    /// Looks for parameters that the output does not depend on, which costs a walk through the graph.
    public var findsUnusedParameters = false

    /// The defaults.
    public init() {}
  }

  public private(set) var waited = Duration.zero
  private let handle: OpaquePointer
  private let group: ProcessGroup

  /// - Parameter group: connected; nobody else may use it meanwhile.
  public init(_ parameters: [(name: String, parameter: Parameter)], over group: ProcessGroup, options: Options) throws {
    precondition(group.isConnected, "BucketedReduction: one process has nothing to add up")
    self.group = group
    var result: OpaquePointer?
    let names = parameters.map { strdup($0.name) }
    defer { for name in names { free(name) } }
    let status = ctorch_reducer_create(
      group.handle, parameters.map { $0.parameter.value.handle }, names.map { UnsafePointer($0) },
      Int32(parameters.count), Int64(options.bucketBytes), Int64(options.firstBucketBytes),
      options.findsUnusedParameters, options.compressesToBFloat16, &result)
    guard status == CTORCH_OK else { throw DistributedError("cannot group the gradients: \(TorchError.last())") }
    handle = result!
  }

  deinit { ctorch_reducer_free(handle) }

  public func backward(from output: Tensor, _ gradient: Tensor?) throws {
    var seconds = 0.0
    let status = ctorch_reducer_backward(handle, output.handle, gradient?.handle, &seconds)
    guard status == CTORCH_OK else {
      guard group.hasFailed else { throw TorchError.last(status, in: "backward(\(output.summary))") }
      throw DistributedError("adding up gradients failed", origin: .unknown)
    }
    waited += .seconds(seconds)
  }
}

/// Adds gradients up one by one after the backward pass: simple, slower, and what ``BucketedReduction`` is compared with.
public final class ReductionAfterBackward: GradientReduction {
  private let parameters: [Parameter]
  private let group: ProcessGroup

  /// - Parameter group: nobody else may use it meanwhile.
  public init(_ parameters: [Parameter], over group: ProcessGroup) {
    (self.parameters, self.group) = (parameters, group)
  }

  public var waited: Duration { group.waited }

  public func backward(from output: Tensor, _ gradient: Tensor?) throws {
    output.backward(gradient)
    for parameter in parameters {
      let sum = parameter.gradient ?? Tensor.zeros(like: parameter.value.detached())
      try group.allReduce(sum)
      parameter.value.gradient = sum
    }
  }
}
