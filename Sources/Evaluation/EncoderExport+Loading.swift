import Encoders

extension EncoderExport {
  /// Lines of Python that load the written file into the published network; nil where none has its widths.
  public func loadingCode(for path: String) -> [String]? {
    guard settings.width == 1 else { return nil }
    let name = settings.architecture.name
    let isTorchvision = name.hasPrefix("resn")
    var lines =
      isTorchvision
      ? ["model = torchvision.models.\(name)()", "model.fc = torch.nn.Identity()"]
      : ["model = timm.create_model(\"\(name)\", num_classes=0)"]
    if settings.stem == .cifar {
      lines += [
        "model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)",
        "model.maxpool = torch.nn.Identity()",
      ]
    }
    let text = path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return lines + ["model.load_state_dict(safetensors.torch.load_file(\"\(text)\"), strict=True)"]
  }
}
