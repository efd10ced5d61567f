"""Writes files of weights as PyTorch saves them, and the same tensors as safetensors, for the reader's tests.

    PYTHONPATH=Scripts/fixtures python3 Tests/TorchTests/Fixtures/pytorch_files.py

Written with torch 2.11.0, safetensors 0.8.0. Values are `pattern.py`'s; there is no seed.
"""

import collections
import pathlib

import torch
from safetensors.torch import save_file

from pattern import pattern

folder = pathlib.Path(__file__).parent

convolution = pattern("conv1.weight", [4, 3, 2, 2])
state = collections.OrderedDict()
state["conv1.weight"] = convolution.to(memory_format=torch.channels_last)
state["bn1.weight"] = pattern("bn1.weight", [4])
state["bn1.num_batches_tracked"] = torch.tensor(7)
state["half"] = pattern("half", [5]).half()
state["bfloat"] = pattern("bfloat", [2, 3]).bfloat16()
state["double"] = pattern("double", [3]).double()
state["int"] = torch.arange(6, dtype=torch.int32).reshape(2, 3)
state["byte"] = torch.arange(9, dtype=torch.uint8)
state["bool"] = torch.tensor([True, False, True])
state["empty"] = torch.zeros(0, 3)
state["transposed"] = pattern("transposed", [3, 5]).t()
storage = pattern("shared", [10])
state["part"] = storage[2:7]
state["same part"] = storage[2:7]
state["parameter"] = torch.nn.Parameter(pattern("parameter", [3]))
torch.save(state, folder / "state-dict.pth")
save_file({name: tensor.detach().clone().contiguous() for name, tensor in state.items()}, folder / "state-dict.safetensors")

# As trainings keep them, with other things beside.
torch.save(
    {"epoch": 3, "arch": "resnet50", "best": 0.5, "args": [1, -2, 1 << 40, None, True], "state_dict": {"a": pattern("a", [2])}},
    folder / "checkpoint.pth",
)

# What must not be read.
linear = torch.nn.Linear(2, 2)
torch.save(linear, folder / "whole-module.pth")
torch.save({"a": pattern("a", [4, 4]).expand(2, 4, 4)}, folder / "expanded.pth")
torch.save({"a": pattern("a", [2])}, folder / "before-1.6.pth", _use_new_zipfile_serialization=False)
torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, folder / "complex.pth")
