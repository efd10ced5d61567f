"""Writes encoders.safetensors and encoders.json: timm's vision transformers, torchvision's ConvNeXts, EfficientNets, ResNeXts and
wide ResNets, narrow ones, on pattern weights.

Run:       python Tests/EncodersTests/Fixtures/encoders.py
Versions:  torch 2.11.0, torchvision 0.26.0, timm 1.0.22, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 pattern values; stored as float32

Values, by the published name of a parameter or buffer (`KEY` is the key below):
    running_var                pattern("KEY." + name, shape, scale 0.2, offset 1); running_mean scale 0.1
    weights of 2 dimensions+   scale √(3 / fan_in), fan_in = product of shape[1...]
    bn3.weight                 scale 0.05, offset 0.25; other weights scale 0.2, offset 1
    layer_scale                scale 0.1, offset 0.3
    pos_embed, cls_token       scale 0.5
    bias                       scale 0.2
    input                      pattern("KEY.input", [N, 3, side, side], scale 1)
Order: one evaluation-mode forward, then one training-mode forward (nothing is dropped) and the backward of
loss = sum(output * pattern("KEY.cotangent", shape of output, scale 1)).

encoders.safetensors: KEY/evaluation, KEY/training `[N, F]`; KEY/gradients, KEY/statistics as in resnets.py, but with 4 elements of each,
at ⌊k·count/4⌋; sincos `[1, 17, 48]`,
MoCo v3's positions of 4 x 4 patches; resized `[1, 10, 24]`, what timm makes of the positions pattern("resized", [1, 17, 24]) for 3 x 3.
encoders.json: ARCHITECTURE → how often each block of the whole network is left out where the last rate is asked to be 0.2.
"""

import json
import math
import sys
from pathlib import Path

import timm
import torch
import torchvision
from resnets import ScaledResNet
from safetensors.torch import save_file
from timm.layers import DropPath, pos_embed
from torch import nn
from torchvision.models.convnext import CNBlock, CNBlockConfig, ConvNeXt
from torchvision.models.efficientnet import EfficientNet, MBConv, _efficientnet_conf

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern, summary as long_summary  # noqa: E402


def summary(tensor):
    """The norm and 4 elements."""
    return long_summary(tensor)[[0, 1, 5, 9, 13]]


def transformer(name, **options):
    return timm.create_model(f"{name}_patch16_224", patch_size=8, img_size=32, num_classes=0, **options)


def convnext(depths, cifar=False):
    channels = [12, 24, 48, 96, None]
    settings = [CNBlockConfig(channels[i], channels[i + 1], depths[i]) for i in range(4)]
    network = ConvNeXt(settings)
    if cifar:
        network.features[0][0] = nn.Conv2d(3, channels[0], 3, padding=1)
    network.classifier[2] = nn.Identity()
    return network


def efficientnet(number, width, depth, factor, norm=None, cifar=False):
    settings, last = _efficientnet_conf(f"efficientnet_b{number}", width_mult=width * factor, depth_mult=depth)
    if cifar:
        settings[1].stride = 1
    network = EfficientNet(settings, 0.0, 0.0, norm_layer=norm, last_channel=last)
    if cifar:
        network.features[0][0].stride = (1, 1)
    network.classifier = nn.Identity()
    return network


class Grouped(ScaledResNet):
    """A ResNet for small images with a quarter of the planes, whose bottlenecks have groups or other widths."""

    def __init__(self, depth, groups, width_per_group):
        self.grouping = (groups, width_per_group)
        super().__init__(depth, 0.25, True)

    def _make_layer(self, *arguments, **options):
        self.groups, self.base_width = self.grouping
        return super()._make_layer(*arguments, **options)


def slow_norm(channels):
    return nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)


# key: (network, images, side in pixels)
NETWORKS = {
    "vit_tiny-token": (lambda: transformer("vit_tiny", embed_dim=24), 2, 32),
    "vit_small-mean": (lambda: transformer("vit_small", embed_dim=48, global_pool="avg"), 2, 32),
    "vit_tiny-resized": (lambda: transformer("vit_tiny", embed_dim=24, dynamic_img_size=True), 2, 48),
    "convnext_tiny-imagenet": (lambda: convnext([3, 3, 9, 3]), 2, 64),
    "convnext_small-cifar": (lambda: convnext([3, 3, 27, 3], cifar=True), 2, 16),
    "efficientnet_b0-imagenet": (lambda: efficientnet(0, 1, 1, 0.25), 4, 64),
    "efficientnet_b1-cifar": (lambda: efficientnet(1, 1, 1.1, 0.25, cifar=True), 4, 32),
    "resnext50_32x4d-cifar": (lambda: Grouped(50, 32, 4), 2, 32),
    "resnext101_64x4d-cifar": (lambda: Grouped(101, 64, 4), 2, 32),
    "wide_resnet50_2-cifar": (lambda: Grouped(50, 1, 128), 2, 32),
    "efficientnet_b5-imagenet": (lambda: efficientnet(5, 1.6, 2.2, 0.125, norm=slow_norm), 4, 64),
}


def resample_in_double(posemb, new_size, *_, **__):
    """timm's resample_abs_pos_embed for a class token and a square, without its rounding to float32."""
    prefix, grid = posemb[:, :1], posemb[:, 1:]
    side = int(math.sqrt(grid.shape[1]))
    grid = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = nn.functional.interpolate(grid, size=new_size, mode="bicubic", antialias=True)
    return torch.cat([prefix, grid.permute(0, 2, 3, 1).reshape(1, -1, posemb.shape[-1])], dim=1)


def scale_and_offset(name, tensor):
    if name.endswith("running_var"):
        return 0.2, 1.0
    if name.endswith("running_mean"):
        return 0.1, 0.0
    if name.endswith("layer_scale"):
        return 0.1, 0.3
    if name in ("pos_embed", "cls_token"):
        return 0.5, 0.0
    if name.endswith("bias"):
        return 0.2, 0.0
    if name.endswith("bn3.weight"):
        return 0.05, 0.25
    return (math.sqrt(3 / math.prod(tensor.shape[1:])), 0.0) if tensor.dim() > 1 else (0.2, 1.0)


def sincos(side, dimension):
    """MoCo v3's build_2d_sincos_position_embedding, from the paper's code."""
    first, second = torch.meshgrid(torch.arange(side).double(), torch.arange(side).double(), indexing="ij")
    quarter = dimension // 4
    omega = 1 / (10000.0 ** (torch.arange(quarter).double() / quarter))
    a, b = first.flatten()[:, None] * omega, second.flatten()[:, None] * omega
    positions = torch.cat([a.sin(), a.cos(), b.sin(), b.cos()], dim=1)[None]
    return torch.cat([torch.zeros(1, 1, dimension).double(), positions], dim=1)


def rates():
    found = {}
    with torch.device("meta"):
        for name in ("vit_tiny", "vit_large"):
            network = timm.create_model(f"{name}_patch16_224", drop_path_rate=0.2)
            found[name] = [getattr(block.drop_path1, "drop_prob", 0.0) for block in network.blocks]
        network = torchvision.models.convnext_tiny(stochastic_depth_prob=0.2)
        found["convnext_tiny"] = [m.stochastic_depth.p for m in network.modules() if isinstance(m, CNBlock)]
        network = torchvision.models.efficientnet_b1()
        found["efficientnet_b1"] = [m.stochastic_depth.p for m in network.modules() if isinstance(m, MBConv)]
    return found


def main() -> None:
    theirs = pos_embed.resample_abs_pos_embed(pattern("resized", [1, 17, 24]), [3, 3])
    ours = resample_in_double(pattern("resized", [1, 17, 24]).double(), [3, 3])
    assert (theirs - ours).abs().max() < 1e-6
    timm.models.vision_transformer.resample_abs_pos_embed = resample_in_double
    tensors = {"sincos": sincos(4, 48), "resized": ours}
    for key, (make, count, side) in NETWORKS.items():
        network = make()
        with torch.no_grad():
            for name, tensor in list(network.named_parameters()) + list(network.named_buffers()):
                if tensor.is_floating_point():
                    tensor.copy_(pattern(f"{key}.{name}", tensor.shape, *scale_and_offset(name, tensor)))
        network.double()
        images = pattern(f"{key}.input", [count, 3, side, side]).double()
        with torch.no_grad():
            tensors[f"{key}/evaluation"] = network.eval()(images)
        training = network.train()(images)
        tensors[f"{key}/training"] = training.detach()
        (training * pattern(f"{key}.cotangent", training.shape).double()).sum().backward()
        tensors[f"{key}/gradients"] = torch.stack([summary(p.grad) for p in network.parameters()])
        statistics = [summary(b) for b in network.buffers() if b.is_floating_point()]
        if statistics:
            tensors[f"{key}/statistics"] = torch.stack(statistics)
        sizes = torch.tensor([p.numel() for p in network.parameters()])
        rms = tensors[f"{key}/gradients"][:, 0] / sizes.sqrt()
        print(f"{key:26} features up to {training.abs().max():.2f}, gradients' rms {rms.min():.1e}…{rms.max():.1e}")
    stored = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    assert all(tensor.isfinite().all() for tensor in stored.values())
    metadata = {"generator": "encoders.py", "timm": timm.__version__, "torch": torch.__version__}
    save_file(stored, HERE / "encoders.safetensors", metadata=metadata)
    (HERE / "encoders.json").write_text(json.dumps(rates(), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
