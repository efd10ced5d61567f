import Encoders

/// A configuration value that is one of a few words; another word is refused with the list of them.
public protocol ConfigurationChoice: RawRepresentable, CaseIterable, Codable, Sendable where RawValue == String {}

extension ConfigurationChoice {
  /// Reads the word.
  ///
  /// - Throws: `DecodingError` that lists the words there are.
  public init(from decoder: Decoder) throws {
    let word = try decoder.singleValueContainer().decode(String.self)
    guard let choice = Self(rawValue: word) else {
      let words = Self.allCases.map(\.rawValue).joined(separator: ", ")
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "expected one of \(words), got '\(word)'"))
    }
    self = choice
  }
}

extension EncoderArchitecture: ConfigurationChoice {}
