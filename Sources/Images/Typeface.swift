import CTypeface
import Foundation

/// Letters of a font at one size, to write on pictures. One for each thread.
public final class Typeface {
  /// Pixels above the baseline that lines of text take.
  public let ascent: Int
  /// Pixels below it.
  public let descent: Int
  private let path: String
  private let face: OpaquePointer

  /// - Parameters:
  ///   - path: A font with outlines: TrueType, OpenType or Type 1.
  ///   - sizePixels: At least 1.
  /// - Throws: `ImageError` that names the file when it cannot be read or is no such font.
  public init(contentsOf path: String, sizePixels: Int) throws {
    precondition(sizePixels >= 1, "Typeface: expected a size of at least 1 pixel, got \(sizePixels)")
    var face: OpaquePointer?
    var lines = ctypeface_lines()
    try Self.withErrorText(of: path) { ctypeface_open(path, Int32(sizePixels), &face, &lines, $0) }
    self.face = face!
    self.path = path
    (ascent, descent) = (Int(lines.ascent), Int(lines.descent))
  }

  deinit { ctypeface_close(face) }

  /// One of the plain fonts that most systems have.
  ///
  /// - Throws: `ImageError` when this one has none of them.
  public convenience init(ofSystemWithSizePixels sizePixels: Int) throws {
    try self.init(contentsOf: Self.systemFont(), sizePixels: sizePixels)
  }

  /// Finds one of the plain fonts that most systems have.
  ///
  /// - Parameter folders: Where fonts lie, in folders of their own; the first that holds one counts.
  /// - Throws: `ImageError` when none of them is there.
  package static func systemFont(in folders: [String] = ["/usr/local/share/fonts", "/usr/share/fonts"]) throws -> String
  {
    let names = ["DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf"]
    for folder in folders {
      let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
      for name in names {
        if let file = files.filter({ $0 == name || $0.hasSuffix("/" + name) }).min() { return folder + "/" + file }
      }
    }
    throw ImageError(
      "no font to write with: expected \(names.joined(separator: " or ")) in \(folders.joined(separator: " or ")); "
        + "install one (apt-get install fonts-dejavu-core) or name a font's file")
  }

  /// Pixels that a line of text is wide.
  ///
  /// - Throws: `ImageError` when the font is damaged.
  public func width(of text: String) throws -> Int {
    try text.unicodeScalars.reduce(0) { try $0 + Int(letter($1).advance) }
  }

  /// Writes a line of text on a picture, whose borders cut off what lies beyond them.
  ///
  /// - Parameters:
  ///   - left: Column in which the text begins.
  ///   - baseline: Row below the feet of its letters.
  ///   - level: The ink: 0 is black.
  /// - Throws: `ImageError` when the font is damaged.
  public func write(_ text: String, on image: inout PixelImage, left: Int, baseline: Int, level: UInt8) throws {
    var start = left
    for scalar in text.unicodeScalars {
      let letter = try letter(scalar)
      for row in 0..<Int(letter.height) {
        let y = baseline - Int(letter.top) + row
        for column in 0..<Int(letter.width) {
          let x = start + Int(letter.left) + column
          guard 0..<image.width ~= x, 0..<image.height ~= y else { continue }
          let coverage = Int(letter.coverage[row * letter.bytes_per_row + column])
          for sample in (y * image.width + x) * 3..<(y * image.width + x + 1) * 3 {
            image.pixels[sample] = UInt8((Int(image.pixels[sample]) * (255 - coverage) + Int(level) * coverage) / 255)
          }
        }
      }
      start += Int(letter.advance)
    }
  }

  private func letter(_ scalar: Unicode.Scalar) throws -> ctypeface_letter {
    var letter = ctypeface_letter()
    try Self.withErrorText(of: path) { ctypeface_draw(face, scalar.value, &letter, $0) }
    return letter
  }

  /// Calls into FreeType; when it fails, throws the line of text that it left.
  private static func withErrorText(of path: String, _ call: (UnsafeMutablePointer<CChar>) -> Int32) throws {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CTYPEFACE_ERROR_SIZE)) { text in
      if call(text.baseAddress!) != 0 {
        throw ImageError("\(path): expected a font with outlines: \(String(cString: text.baseAddress!))")
      }
    }
  }
}
