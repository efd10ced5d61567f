"""Counts calls of the CUDA runtime in a process, by Scripts/device/count-cuda-calls.c."""

import contextlib
import json
import shutil
import tempfile

from program import REPOSITORY
from rows import NotRun

SOURCE = REPOSITORY / "Scripts/device/count-cuda-calls.c"


def counter_library(bench):
    """The packed one, or one that is compiled here."""
    packed = bench.program.brought / "libcount-cuda-calls.so"
    if packed.exists():
        return packed
    library = bench.work / packed.name
    if not library.exists():
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise NotRun("no C compiler to build the counter with")
        bench.part.run([compiler, "-O1", "-shared", "-fPIC", SOURCE, "-o", library, "-ldl"])
    return library


@contextlib.contextmanager
def counted_calls(bench):
    """Yields the variables for a process, and a function that says what was called how often once it has ended."""
    with tempfile.NamedTemporaryFile(suffix=".json", dir=bench.work, delete=False) as file:
        path = file.name
    library = counter_library(bench)

    def read():
        with open(path, encoding="utf-8") as counts:
            return json.loads(counts.read() or "{}")

    yield {"LD_PRELOAD": str(library), "COUNT_CUDA_CALLS": path}, read
