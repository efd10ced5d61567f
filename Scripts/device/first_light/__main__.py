"""Runs the parts; called by Scripts/device/first-light.sh, which finds the program, PyTorch and the images."""

import argparse
import pathlib
import re
import sys

from accuracy import Accuracy
from bench import Bench
from correctness import Correctness
from loading import Loading
from rows import Part
from speed import Speed

PARTS = {"A": Correctness, "B": Speed, "C": Loading, "D": Accuracy}


def main():
    parser = argparse.ArgumentParser(prog="first-light.sh")
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help="A, B, C or D")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="a folder for tables and logs")
    for name in ("program", "torch", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    for name in ("data", "photos"):
        parser.add_argument(f"--{name}", type=pathlib.Path)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rows", type=re.compile, help="only rows whose names match this regular expression")
    parser.add_argument("--rehearse", action="store_true")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in ("program", "torch", "work", "data", "photos"):
        path = getattr(arguments, name)
        setattr(arguments, name, path and path.absolute())
    passed = [run_part(letter, arguments) for letter in arguments.parts]
    sys.exit(0 if all(passed) else 1)


def run_part(letter, arguments):
    kind = PARTS[letter]
    part = Part(letter, kind.title, kind.seconds, arguments.output, arguments.rows, 5 if arguments.rehearse else 1)
    bench = Bench(arguments, part)
    facts = bench.facts
    where = "REHEARSAL on a CPU, tiny: no figure means anything" if arguments.rehearse else facts["card"] or "no GPU"
    print(f"\npart {letter}: {kind.title}. {where}; simclr {facts['versions']['simclr']} ({facts['versions']['commit']})")
    kind(bench).rows()
    return part.close(facts)


if __name__ == "__main__":
    main()
