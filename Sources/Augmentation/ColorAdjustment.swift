/// One step of color jitter with its factor.
public enum ColorAdjustment: Sendable, Equatable {
  /// Blends with black; 0 is black, 1 changes nothing, more brightens.
  case brightness(Double)
  /// Blends with the mean gray of the image; 0 is that gray, 1 changes nothing.
  case contrast(Double)
  /// Blends with the gray image; 0 is gray, 1 changes nothing.
  case saturation(Double)
  /// Turns the color wheel, in whole turns, −0.5…0.5; 0 changes nothing.
  case hue(Double)
}
