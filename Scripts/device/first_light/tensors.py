"""Reads safetensors files and says how far two trainings are apart."""

import json
import struct

import torch

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool,
}


def read(path):
    """The tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        tensor = torch.frombuffer(data, dtype=dtype, count=(end - begin) // dtype.itemsize, offset=begin) \
            if end > begin else torch.empty(0, dtype=dtype)
        tensors[name] = tensor.reshape(entry["shape"])
    return tensors


def is_statistic(name):
    return "running_" in name or "num_batches" in name


def norm(tensors):
    return sum(float(tensor.square().sum()) for tensor in tensors) ** 0.5


def distance(ours, reference, start):
    """How far the parameters of two trainings are apart, as a share of how far they moved from `start`; and the largest
    difference of BatchNorm's statistics, as a share of the largest statistic of its kind.

    All three are dictionaries of tensors with the same names; ValueError where they are not.
    """
    if not ours.keys() == reference.keys() == start.keys():
        raise ValueError("the files hold tensors of other names")
    parameters = [name for name in reference if not is_statistic(name)]
    statistics = [name for name in reference if is_statistic(name)]
    moved = norm(reference[name].double() - start[name].double() for name in parameters)
    apart = norm(ours[name].double() - reference[name].double() for name in parameters)
    worst = 0.0
    for name in statistics:
        scale = float(reference[name].double().abs().max())
        difference = float((ours[name].double() - reference[name].double()).abs().max())
        worst = max(worst, difference / scale if scale else difference)
    return apart / moved, worst


def are_finite(tensors):
    return all(bool(torch.isfinite(tensor.double()).all()) for tensor in tensors.values())
