import Foundation

/// How pixels of another size are made from those that are there. Both are antialiased: where the image shrinks, the
/// kernel is stretched so that every pixel counts.
public enum Interpolation: String, CaseIterable, Codable, Sendable {
  /// A triangle that reaches one pixel: torchvision's default.
  case bilinear
  /// Keys' cubic with a = −½, which reaches two pixels and is sharper.
  case bicubic

  /// Reads the word.
  ///
  /// - Throws: `DecodingError` that lists the words there are.
  public init(from decoder: any Decoder) throws {
    let word = try decoder.singleValueContainer().decode(String.self)
    guard let interpolation = Self(rawValue: word) else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "expected one of \(Self.allCases.map(\.rawValue).joined(separator: ", ")), got '\(word)'"))
    }
    self = interpolation
  }

  /// How many pixels the kernel reaches to either side.
  var reach: Double { self == .bilinear ? 1 : 2 }

  /// What a pixel at that distance counts, not yet scaled to a sum of 1.
  @inline(__always)
  func weight(at distance: Double) -> Double {
    let distance = abs(distance)
    switch self {
    case .bilinear: return max(0, 1 - distance)
    case .bicubic:
      // R. Keys, *Cubic convolution interpolation for digital image processing*, 1981.
      if distance < 1 { return (1.5 * distance - 2.5) * distance * distance + 1 }
      return distance < 2 ? ((-0.5 * distance + 2.5) * distance - 4) * distance + 2 : 0
    }
  }
}
