import CTorch

/// The type of a tensor's elements.
public enum DType: Int32, Sendable, CaseIterable, CustomStringConvertible {
  case uint8 = 0
  case int32 = 3
  case int64 = 4
  case float16 = 5
  case float32 = 6
  case float64 = 7
  case bool = 11
  case bfloat16 = 15

  /// Bytes an element takes.
  public var byteCount: Int {
    switch self {
    case .uint8, .bool: 1
    case .float16, .bfloat16: 2
    case .float32, .int32: 4
    case .float64, .int64: 8
    }
  }

  /// Whether elements are floating-point numbers, so that gradients can be taken.
  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .float32, .float64, .bfloat16: true
    case .uint8, .int32, .int64, .bool: false
    }
  }

  public var description: String {
    switch self {
    case .uint8: "uint8"
    case .int32: "int32"
    case .int64: "int64"
    case .float16: "float16"
    case .float32: "float32"
    case .float64: "float64"
    case .bool: "bool"
    case .bfloat16: "bfloat16"
    }
  }
}

/// A Swift type whose values can be a tensor's elements.
public protocol TensorElement: Sendable {
  /// The tensor type with the same layout.
  static var dtype: DType { get }
}

extension Float: TensorElement {
  public static var dtype: DType { .float32 }
}
extension Double: TensorElement {
  public static var dtype: DType { .float64 }
}
extension Int64: TensorElement {
  public static var dtype: DType { .int64 }
}
extension Int: TensorElement {
  public static var dtype: DType { .int64 }
}
extension Int32: TensorElement {
  public static var dtype: DType { .int32 }
}
extension UInt8: TensorElement {
  public static var dtype: DType { .uint8 }
}
