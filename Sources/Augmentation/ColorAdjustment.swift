/// One step of colour jitter with its factor.
public enum ColorAdjustment: Sendable, Equatable {
  /// Blends with black; 0 is black, 1 changes nothing, more brightens.
  case brightness(Double)
  /// Blends with the mean grey of the image; 0 is that grey, 1 changes nothing.
  case contrast(Double)
  /// Blends with the grey image; 0 is grey, 1 changes nothing.
  case saturation(Double)
  /// Turns the colour wheel, in whole turns, −0.5…0.5; 0 changes nothing.
  case hue(Double)
}
