"""Writes binary_images.safetensors: an image of CIFAR-100 and of STL-10, as it is stored and as torchvision reads it.

    python Tests/DataSetsTests/Fixtures/binary_images.py

torchvision 0.26, numpy 2, safetensors. Seed 0. `<data set>.record` uint8 [count], the image's bytes in the binary form
without its labels; `<data set>.pixels` uint8 [height, width, 3]; `<data set>.label` int64 [1], from 0. The images are
noise, for their order is what matters. torchvision reads CIFAR-100 in the form for Python, whose rows hold the bytes
that records of the binary form do (A. Krizhevsky's download page).
"""

import pathlib
import pickle
import tempfile

import numpy
import torch
from safetensors.torch import save_file
from torchvision import datasets

PLACE, COUNT, LABEL = 1, 3, 7
generator = numpy.random.default_rng(0)
tensors = {}


class CIFAR100(datasets.CIFAR100):
    def _check_integrity(self):
        return True


class STL10(datasets.STL10):
    def _check_integrity(self):
        return True


def unverified(path, checksum=None):
    return True


def add(name, records, data_set):
    image, label = data_set[PLACE]
    tensors[name + ".record"] = torch.from_numpy(records[PLACE].copy())
    tensors[name + ".pixels"] = torch.from_numpy(numpy.asarray(image).copy())
    tensors[name + ".label"] = torch.tensor([int(label)])


datasets.cifar.check_integrity = unverified
labels = [0, LABEL, 0]
with tempfile.TemporaryDirectory() as root:
    folder = pathlib.Path(root) / "cifar-100-python"
    folder.mkdir()
    records = generator.integers(0, 256, (COUNT, 3 * 32 * 32), dtype=numpy.uint8)
    for split in ["train", "test"]:
        (folder / split).write_bytes(pickle.dumps({"data": records, "fine_labels": labels}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": [str(label) for label in range(100)]}))
    add("cifar100", records, CIFAR100(root))

with tempfile.TemporaryDirectory() as root:
    folder = pathlib.Path(root) / "stl10_binary"
    folder.mkdir()
    records = generator.integers(0, 256, (COUNT, 3 * 96 * 96), dtype=numpy.uint8)
    (folder / "train_X.bin").write_bytes(records.tobytes())
    (folder / "train_y.bin").write_bytes(bytes(label + 1 for label in labels))
    (folder / "class_names.txt").write_text("\n".join(str(label) for label in range(10)))
    add("stl10", records, STL10(root))

save_file(tensors, pathlib.Path(__file__).with_suffix(".safetensors"))
