import Torch

/// From red, green and blue (sRGB, IEC 61966-2-1) to the CIE's color space L*a*b* of 1976, for the white D65 and an observer of 2°.
package struct LabColorSpace {
  /// What was subtracted from red, green and blue, then divided by, on the scale 0…1.
  let mean: [Double]
  let standardDeviation: [Double]

  package init(mean: [Double], standardDeviation: [Double]) {
    (self.mean, self.standardDeviation) = (mean, standardDeviation)
  }

  /// X, Y and Z of white for linear red, green and blue, each by that of the sum, so that white is 1, 1, 1.
  private static let fromLinear: [[Double]] = {
    let matrix = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    let white = [0.95047, 1, 1.08883]
    return zip(matrix, white).map { row, white in row.map { $0 / white } }
  }()

  /// Middle and half of the range that L, a and b have for colors that sRGB can show.
  private static let middles = [50, 6.025, -6.6895]
  private static let halves = [50, 92.208, 101.1675]

  /// Images `[N, 3, H, W]` as L, a and b, each within ±1: in float32, or in float64 if they are.
  package func fromRGB(_ images: Tensor) -> Tensor {
    let precision: DType = images.dtype == .float64 ? .float64 : .float32
    return withAutocast(images.device, .float32) {
      func row(_ values: [Double]) -> Tensor { Tensor(values).to(precision, device: images.device) }
      // Colors last.
      let scaled = images.to(precision).permuted([0, 2, 3, 1])
      let rgb = (scaled * row(standardDeviation) + row(mean)).clamp(0...1)
      let linear = (((rgb + 0.055) / 1.055).pow(2.4)).where(rgb.greater(than: 0.04045), otherwise: rgb / 12.92)
      let matrix = Tensor(Self.fromLinear.flatMap { $0 }, shape: [3, 3]).to(precision, device: images.device)
      let xyz = linear.matmul(matrix.transposed())
      let root = xyz.clamp(1e-9...(.infinity)).pow(1.0 / 3)
      let f = root.where(xyz.greater(than: 0.008856), otherwise: xyz * 7.787 + 16.0 / 116)
      let (x, y, z) = (f.select(3, 0), f.select(3, 1), f.select(3, 2))
      let lab = Tensor.stack([y * 116 - 16, (x - y) * 500, (y - z) * 200], dimension: 3)
      return ((lab - row(Self.middles)) / row(Self.halves)).permuted([0, 3, 1, 2])
    }
  }
}
