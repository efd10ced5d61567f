"""The peer of Configurations/cifar10-resnet18-slim.yaml: the same recipe with PyTorch, torchvision's transforms and
lightly's loss, timed. Prints one JSON object.

    python Benchmarks/peers/pretrain.py DIR [--steps 20] [--threads 2]                         its speed
    python Benchmarks/peers/pretrain.py DIR --steps 0 [--seed 0] --output FILE.safetensors     the whole recipe

DIR holds train/<class>/*.jpg. Written for torch 2.11.0, torchvision 0.26.0, lightly 1.6. The first step, which starts
the workers, is not timed. --output keeps the encoder, under torchvision's names.
"""

import argparse
import json
import math
import pathlib
import sys
import time

import torch
import torchvision
from lightly.loss import NTXentLoss
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.transforms import v2

BATCH = 512
EPOCHS = 10
LEARNING_RATE = 0.06
SIZE = 32


class SlimResNet(ResNet):
    """torchvision's ResNet-18 with a quarter of the channels, a CIFAR stem and no classifier."""

    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2])
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.maxpool = self.fc = nn.Identity()

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = 16
        return super()._make_layer(block, planes // 4, blocks, stride, dilate)


class Views(torch.utils.data.Dataset):
    """Two augmented views of each image."""

    def __init__(self, root):
        self.files = sorted(pathlib.Path(root, "train").glob("*/*.jpg"))
        self.transform = v2.Compose([
            v2.RandomResizedCrop(SIZE, scale=(0.2, 1)),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            v2.RandomGrayscale(0.2),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        image = Image.open(self.files[index]).convert("RGB")
        return self.transform(image), self.transform(image)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, default=20, help="timed steps; 0: all of the recipe's epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    head = nn.Sequential(
        nn.Linear(128, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 128, bias=False),
        nn.BatchNorm1d(128))
    model = nn.Sequential(SlimResNet(), head).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=5e-4)
    criterion = NTXentLoss(temperature=0.5)
    loader = torch.utils.data.DataLoader(
        Views(arguments.data), batch_size=BATCH, shuffle=True, drop_last=True, num_workers=arguments.threads)
    total = EPOCHS * len(loader)
    last = min(arguments.steps or total, total - 1)
    start, done, epoch_losses = 0.0, -1, []
    for _ in range(EPOCHS):
        losses = []
        for views in loader:
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * (done + 1) / total)) / 2
            first, second = (view.contiguous(memory_format=torch.channels_last) for view in views)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                z0, z1 = model(first), model(second)
            value = criterion(z0.float(), z1.float())
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())
            done += 1
            if done == 0:
                start = time.perf_counter()
            if done == last:
                break
        epoch_losses.append(round(sum(losses) / len(losses), 4))
        print(f"epoch {len(epoch_losses)}: mean loss {epoch_losses[-1]}", file=sys.stderr, flush=True)
        if done == last:
            break
    if arguments.output:
        state = {name: tensor.contiguous() for name, tensor in model[0].state_dict().items()}
        save_file(state, arguments.output)
    print(json.dumps({
        "peer": "torch, torchvision, lightly", "torch": torch.__version__, "torchvision": torchvision.__version__,
        "seed": arguments.seed, "steps": done, "loss": round(losses[-1], 4), "mean_loss_of_epochs": epoch_losses,
        "pairs_per_second": round(done * BATCH / (time.perf_counter() - start), 1)}))


if __name__ == "__main__":
    main()
