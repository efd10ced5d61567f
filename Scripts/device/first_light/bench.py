"""What all parts share: the device, the program, folders, images, and what the machine is."""

import functools
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile

import torch

from program import REPOSITORY, Program, Run
from rows import Failed, NeedsCard, NotRun


class Bench:
    """Device `cuda`, or `cpu` in a rehearsal, where sizes are tiny and rows that mean nothing without a GPU say so."""

    def __init__(self, arguments, part):
        self.part = part
        self.rehearses = arguments.rehearse
        self.device = "cpu" if arguments.rehearse else "cuda"
        self.python = arguments.python
        self.work = arguments.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.given_data, self.given_photos = arguments.data, arguments.photos
        self.torch_folder = arguments.torch
        self.program = Program(arguments.program, arguments.torch, part)

    # MARK: what to do it with

    def size(self, on_a_card, in_rehearsal):
        """The first, or in a rehearsal the second."""
        return in_rehearsal if self.rehearses else on_a_card

    def need_card(self, count=1, why=""):
        if self.rehearses or torch.cuda.device_count() < count:
            raise NeedsCard(why or ("" if count == 1 else f"{count} of them"))

    def need_card_of_torch(self):
        """PyTorch is the witness that the machine has a GPU that works."""
        if not self.rehearses and torch.cuda.device_count() == 0:
            raise Failed("PyTorch finds no GPU either: is the driver there, and new enough for this CUDA?")
        self.need_card()

    def recipe(self, name):
        return REPOSITORY / "Configurations" / f"{name}.yaml"

    def new_run(self, name, recipe, *overrides):
        return Run(self.program, self.work / "runs" / name, recipe, *overrides)

    def resumable_run(self, name, recipe, *overrides):
        """One that a call before may have begun; a rehearsal begins anew."""
        return Run(self.program, self.work / "runs" / name, recipe, *overrides, goes_on=not self.rehearses)

    @property
    def quick(self):
        """Keys that spare a rehearsal the time."""
        return self.size([], ["training.threads=1", "data.threads=1", "encoder.width=0.0625"])

    def peer(self, *arguments, env=None, **options):
        """What Benchmarks/peers/step.py prints."""
        command = [self.python, REPOSITORY / "Benchmarks/peers/step.py", *arguments, "--device", self.device]
        environment = {"TORCHINDUCTOR_CACHE_DIR": str(self.work / "inductor"), **(env or {})}
        return json.loads(self.part.run(command, environment, **options).stdout.strip().splitlines()[-1])

    # MARK: images

    @functools.cached_property
    def shapes(self):
        """Drawn images of 32 pixels, 512 to train on and 80 to test."""
        folder = self.work / "shapes"
        if not folder.exists():
            self.program.run("data", "shapes", folder, "--train", 512, "--test", 80, "--size", 32)
        return folder

    @functools.cached_property
    def cifar(self):
        """A root with train/ and test/, from --data; in a rehearsal without it, drawn shapes."""
        if self.given_data is None:
            if self.rehearses:
                return self.shapes
            raise NotRun("it needs --data: CIFAR-10 as a folder or archive with train/<class>/ and test/<class>/")
        return root_of(self.given_data, self.work / "data")

    @functools.cached_property
    def photos(self):
        """A folder of photographs from --photos, drawn shapes where there are none; each eight times, under other names,
        so that an epoch has several batches."""
        folder = self.work / "photos"
        if folder.exists():
            return folder
        if self.given_photos is None:
            drawn = self.work / "drawn"
            self.program.run("data", "shapes", drawn, "--train", self.size(300, 20), "--test", 10, "--size", 224)
            source = drawn / "train"
        else:
            source = unpacked(self.given_photos, self.work / "photos-source")
        files = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        if not files:
            raise Failed(f"--photos: expected JPEG or PNG files, found none in {source}")
        partial = self.work / "photos.partial"
        shutil.rmtree(partial, ignore_errors=True)
        for repetition in range(8):
            copies = partial / f"copy-{repetition}"
            copies.mkdir(parents=True)
            for path in files:
                link_or_copy(path, copies / path.name)
        partial.rename(folder)
        return folder

    @property
    def photos_are(self):
        return "photographs" if self.given_photos else "drawn shapes of 224 pixels, for want of --photos"

    # MARK: what the machine is

    @functools.cached_property
    def facts(self):
        """For the JSON file."""
        cards = nvidia_smi("name,driver_version,memory.total")
        doctor = self.program.run("doctor", "--json", checks=False)
        version = self.program.run("--version", checks=False)
        return {
            "rehearsal": self.rehearses,
            "card": cards[0][0] if cards else None, "cards": len(cards), "driver": cards[0][1] if cards else None,
            "machine": {
                "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
                "glibc": platform.libc_ver()[1], "python": platform.python_version(),
            },
            "versions": {
                "simclr": version.stdout.strip(), "commit": self.commit, "torch": torch.__version__,
                "cuda": torch.version.cuda, "cudnn": cudnn_version(),
            },
            "doctor": json.loads(doctor.stdout) if doctor.stdout.startswith("{") else doctor.last_line(),
        }

    @property
    def commit(self):
        """That of the sources: the package's note, or the checkout's."""
        note = self.program.path.parent.parent / "COMMIT"
        if note.exists():
            return note.read_text().strip()
        describe = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
        git = subprocess.run(describe, capture_output=True, text=True, check=False)
        return git.stdout.strip() or None


def cudnn_version():
    try:
        return torch.backends.cudnn.version()
    except RuntimeError:
        return None


def nvidia_smi(fields):
    """A row of values for each GPU; none where the command is not there or fails."""
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"], capture_output=True, text=True,
            timeout=30, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    if done.returncode != 0:
        return []
    return [[value.strip() for value in line.split(",")] for line in done.stdout.splitlines() if line.strip()]


# MARK: archives

def unpacked(path, folder):
    """A folder as it is; an archive in `folder`, once."""
    path = pathlib.Path(path)
    if path.is_dir():
        return path
    if not path.exists():
        raise Failed(f"there is no {path}")
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(path) as archive:
            archive.extractall(partial, filter="data")
        partial.rename(folder)
    return folder


def root_of(path, folder):
    """The folder with train/ in it: the unpacked one, or one below it."""
    root = unpacked(path, folder)
    for candidate in [root, *sorted(child for child in root.iterdir() if child.is_dir())]:
        if (candidate / "train").is_dir():
            return candidate
    return root


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
