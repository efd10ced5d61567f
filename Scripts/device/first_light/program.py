"""The program that is looked at, and the folders of its runs."""

import functools
import json
import os
import pathlib
import shutil

from rows import Failed, NotRun

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


class Program:
    """Calls `simclr` with the libtorch of a `torch` folder."""

    def __init__(self, path, torch_folder, part):
        self.path, self.part = path, part
        libraries = [torch_folder / "lib", *sorted(torch_folder.parent.glob("nvidia/*/lib"))]
        self.brought = path.parent.parent / "lib"  # by the package: libjpeg, libpng
        if self.brought.is_dir():
            libraries.append(self.brought)
        # The driver's own libraries may be found by what is set already.
        paths = [*map(str, libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        self.environment = {"LD_LIBRARY_PATH": ":".join(paths)}
        self.cuda_library = path.parent / "libCTorchCUDA.so"
        if self.cuda_library.exists():
            self.environment["SIMCLR_CUDA_LIBRARY"] = str(self.cuda_library)

    def run(self, *arguments, env=None, seconds=None, checks=True, under=()):
        """`under`: words before the program's path."""
        command = [*under, self.path, *arguments]
        return self.part.run(command, {**self.environment, **(env or {})}, seconds, checks)

    def start(self, *arguments, env=None):
        return self.part.start([self.path, *arguments], {**self.environment, **(env or {})})

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--json", **options).stdout)

    @functools.cached_property
    def keys(self):
        """All keys of a configuration, `section.key`, with their values for a recipe."""
        text = self.run(
            "pretrain", REPOSITORY / "Configurations/cifar10-resnet18-slim.yaml", "--print-configuration").stdout
        keys, section = {}, ""
        for line in text.splitlines():
            name, _, value = line.strip().partition(":")
            if not line.startswith(" "):
                section = name
            elif line.startswith("  ") and not line.startswith("   "):
                keys[f"{section}.{name}"] = value.strip()
        return keys

    def require_key(self, key):
        if key not in self.keys:
            raise NotRun(f"this program has no {key}")

    def require_option(self, option, *command):
        """An option that a command's help names; that of a command that is not there names none."""
        done = self.run(*command, "--help", checks=False)
        if option not in done.stdout:
            raise NotRun(f"this program has no {' '.join([*command, option])}")


class Run:
    """A training into a folder of its own, which is emptied first unless it `goes_on`."""

    def __init__(self, program, folder, recipe, *overrides, goes_on=False):
        self.program, self.folder, self.recipe, self.overrides = program, folder, recipe, list(overrides)
        if not goes_on:
            shutil.rmtree(folder, ignore_errors=True)

    def arguments(self, *more):
        return ["pretrain", self.recipe, *self.overrides, *more, "--output", self.folder]

    def train(self, *more, **options):
        """Trains to the end; returns self."""
        self.completed = self.program.run(*self.arguments(*more), **options)
        return self

    def start(self, *more, env=None):
        return self.program.start(*self.arguments(*more), env=env)

    @property
    def metrics(self):
        path = self.folder / "metrics.jsonl"
        if not path.exists():
            return []
        whole = [line for line in path.read_text().split("\n")[:-1] if line]
        return [json.loads(line) for line in whole]

    @property
    def steps(self):
        return [line for line in self.metrics if "loss" in line]

    @property
    def losses(self):
        return [float(line["loss"]) for line in self.steps]

    def checkpoint(self, file="model.safetensors"):
        """The path of a file of the latest checkpoint."""
        latest = self.folder / "checkpoints/latest"
        if not latest.exists():
            raise Failed(f"no checkpoint in {self.folder.name}")
        return self.folder / "checkpoints" / latest.read_text().strip() / file

    def same_bits(self, other):
        """Which of the checkpoint's files differ from those of another run."""
        return [name for name in ("model.safetensors", "optimizer.safetensors")
                if self.checkpoint(name).read_bytes() != other.checkpoint(name).read_bytes()]
