"""The peer of `simclr benchmark step` on a GPU: the same steps in PyTorch, on one batch that lies on the device already.
Prints one JSON object.

    python Benchmarks/peers/step.py --architecture resnet50 --batch 256 [--compile] [--precision bf16] [--device cuda]
    python Benchmarks/peers/step.py --ceilings [--device cuda]

A step: both views through encoder and projection head, each on its own as the program does it, NT-Xent over the batch in
fp32, backward, SGD with momentum. Channels last, autocast, `cudnn.benchmark`, a fused optimizer, and no wait for the device
between steps: what a user who tunes PyTorch gets. Steps are timed on the device; the median counts, after a few to warm up.
--compile goes through torch.compile. --ceilings measures what the device can do at most: a large bf16 matrix product and a
large copy. Written for torch 2.11.0, torchvision 0.26.0.
"""

import argparse
import contextlib
import json
import statistics
import time

import torch
import torchvision
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

PHASES = ["forward", "loss", "backward", "optimizer"]


def model_of(arguments):
    """Encoder and projection head as the recipes of Configurations/ have them."""
    encoder = getattr(torchvision.models, arguments.architecture)()
    features = encoder.fc.in_features
    if arguments.image_size <= 64:
        encoder.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        encoder.maxpool = nn.Identity()
    encoder.fc = nn.Identity()
    head = nn.Sequential(
        nn.Linear(features, features, bias=False), nn.BatchNorm1d(features), nn.ReLU(),
        nn.Linear(features, 128, bias=False), nn.BatchNorm1d(128))
    return nn.Sequential(encoder, head)


def nt_xent(first, second, temperature=0.5):
    """NT-Xent (SimCLR, equation 1) over both views of all images; logits in fp32."""
    views = functional.normalize(torch.cat([first, second]).float(), dim=1)
    count = len(views)
    logits = views @ views.T / temperature
    logits = logits.masked_fill(torch.eye(count, dtype=torch.bool, device=views.device), float("-inf"))
    positives = torch.arange(count, device=views.device).roll(count // 2)
    return functional.cross_entropy(logits, positives)


def flops_of_pair(arguments):
    """Floating-point operations that training on one image's two views takes: backward costs twice the forward pass."""
    model = model_of(arguments).to("meta")
    images = torch.empty(2, 3, arguments.image_size, arguments.image_size, device="meta")
    with FlopCounterMode(display=False) as counter:
        model(images)
    return 3 * counter.get_total_flops()


class Clock:
    """Marks on the device's own time line; on the CPU, by the clock on the wall."""

    def __init__(self, device):
        self.is_cuda, self.marks = device == "cuda", []

    def mark(self):
        if self.is_cuda:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self.marks.append(event)
        else:
            self.marks.append(time.perf_counter())

    def seconds(self):
        """Between each mark and the next."""
        if self.is_cuda:
            torch.cuda.synchronize()
            return [a.elapsed_time(b) / 1e3 for a, b in zip(self.marks, self.marks[1:])]
        return [b - a for a, b in zip(self.marks, self.marks[1:])]


def train(arguments):
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    device = arguments.device
    model = model_of(arguments).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
    embed, loss_of = (torch.compile(model), torch.compile(nt_xent)) if arguments.compile else (model, nt_xent)
    shape = (arguments.batch, 3, arguments.image_size, arguments.image_size)
    views = [torch.randn(shape, device=device).to(memory_format=torch.channels_last) for _ in range(2)]
    if arguments.precision == "bf16":
        views = [view.bfloat16() for view in views]
        cast = torch.autocast(device, dtype=torch.bfloat16)
    else:
        cast = contextlib.nullcontext()
    clock = Clock(device)
    for step in range(arguments.warm_up + arguments.steps):
        if step == arguments.warm_up:
            clock.mark()
        with cast:
            embeddings = [embed(view) for view in views]
        if arguments.phases and step >= arguments.warm_up:
            clock.mark()
        loss = loss_of(*embeddings)
        if arguments.phases and step >= arguments.warm_up:
            clock.mark()
        optimizer.zero_grad()
        loss.backward()
        if arguments.phases and step >= arguments.warm_up:
            clock.mark()
        optimizer.step()
        if step >= arguments.warm_up:
            clock.mark()
    seconds = clock.seconds()
    phases = None
    if arguments.phases:
        phases = {name: round(statistics.median(seconds[i::4]), 5) for i, name in enumerate(PHASES)}
        seconds = [sum(seconds[i:i + 4]) for i in range(0, len(seconds), 4)]
    middle = statistics.median(seconds)
    return {
        "peer": "torch", "compiled": arguments.compile, "architecture": arguments.architecture,
        "image_size": arguments.image_size, "batch": arguments.batch, "precision": arguments.precision,
        "torch": torch.__version__, "steps": arguments.steps, "seconds_per_step": round(middle, 6),
        "pairs_per_second": round(arguments.batch / middle, 1), "phases": phases, "loss": round(loss.item(), 4),
        "flops_per_pair": flops_of_pair(arguments),
        "peak_bytes": torch.cuda.max_memory_allocated() if device == "cuda" else None,
    }


def ceilings(arguments):
    """Operations a second of a large bf16 matrix product on random numbers, and bytes a second, read and written, of a
    copy within the device's memory."""
    device, side = arguments.device, arguments.ceiling_size
    first, second = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    source = torch.randn(side * side * 4, device=device)
    target = torch.empty_like(source)

    def rate(work, amount):
        for _ in range(3):
            work()
        clock = Clock(device)
        clock.mark()
        for _ in range(10):
            work()
            clock.mark()
        return amount / statistics.median(clock.seconds())

    return {
        "bf16_flops_per_second": rate(lambda: first @ second, 2 * side**3),
        "copied_bytes_per_second": rate(lambda: target.copy_(source), 2 * source.nbytes),
        "size": side,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="resnet50", choices=["resnet18", "resnet50"])
    parser.add_argument("--image-size", type=int, default=224, help="up to 64: CIFAR's stem")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--phases", action="store_true", help="time forward, loss, backward and optimizer too")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--ceilings", action="store_true")
    parser.add_argument("--ceiling-size", type=int, default=8192)
    arguments = parser.parse_args()
    print(json.dumps(ceilings(arguments) if arguments.ceilings else train(arguments)))


if __name__ == "__main__":
    main()
