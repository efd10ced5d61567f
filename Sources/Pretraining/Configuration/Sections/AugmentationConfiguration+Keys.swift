import Augmentation
import Keys

extension AugmentationConfiguration {
  /// The declarations of its keys. Those of one view stand in ``ViewSetting/all``, and come again for every kind of view.
  static let section = Section<Self>(
    "augmentation",
    """
    How views are made; the defaults are SimCLR's for ImageNet. The settings are those of the first view and, unless they have
    their own, of all others. Sizes of crops are shares of the image's area.
    """, rules: viewRules
  ) {
    Key(
      "preset", \.presetWithItsValues, setsOthers: true,
      """
      Values of other keys that suit a kind of images; a key that is given too has the value that is given. `natural`:
      photographs, the defaults. `medical`: scans; no hue, saturation or gray, large crops, small rotations. `aerial`: no
      side is up; flips and quarter turns, mild colors. `--print-configuration` shows the values.
      """)
    Key(
      "image_size", \.imageSize, .atLeast(1), typedAs: ["size", "img_size", "crop_size"], "Side of a view in pixels.")
    Key("interpolation", \.interpolation, "How crops are resized to it, in training and in evaluation.")
    ViewSetting.all.map(\.key)
    Key(
      "dct_scaling", \.dctScaling,
      """
      Whether large JPEGs are decoded at a half, a quarter or an eighth of their size where every crop is at least twice as
      large as its view even so (Docs/Numerics.md has how far that is from decoding at full size).
      """)
    Key(
      "mean", \.mean, .each(of: ["red", "green", "blue"], .finite),
      "Means that are subtracted, on the scale from 0 to 1; the defaults are ImageNet's.")
    Key(
      "standard_deviation", \.standardDeviation, .each(of: ["red", "green", "blue"], .above(0)), typedAs: ["std"],
      "Standard deviations that are divided by, on the scale from 0 to 1; the defaults are ImageNet's.")
    Section("second_view", "What the second view has for itself; what is left out is as for the first view.") {
      ViewSetting.all.map { $0.key(ofOwn: "The second view's") }
    }.within(\.secondView)
    Section<LocalViewsConfiguration>(
      "local_views",
      """
      Small views of small parts beside the two large ones (the multi-crop of SwAV); what is left out is as for the first
      view.
      """
    ) {
      Key("count", \.count, .from(0, to: 1000, [0: "none"]), "How many of every image.")
      Key("image_size", \.imageSize, .atLeast(1), "Their side in pixels.").used(with: \.count, atLeast: 1)
      ViewSetting.all.map { $0.key(ofOwn: "The local views'").within(\.overrides).used(with: \.count, atLeast: 1) }
    }.within(\.localViews)
    Key(
      "device", \.device, .device(or: "loader"), scope: .session,
      """
      Where colors, blur and the rest after the crop are done: `loader`, by the loader's threads, or in batch on a device,
      `cuda`, `cuda:N` or `cpu`, to which crops then go as bytes. The views agree to two levels of 255. `cuda` is the device
      that trains, if that is a CUDA device. `cpu` is there to try it without a GPU.
      """)
  }
}
