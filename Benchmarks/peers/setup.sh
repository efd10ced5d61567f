#!/usr/bin/env bash
# What the benchmarks compare with, in a Python environment of its own (6 GB): Benchmarks/peers/setup.sh DIR
set -euo pipefail
directory=${1:?usage: setup.sh DIR}
python3 -m venv "$directory"
"$directory/bin/python" -m pip install --quiet --disable-pip-version-check \
  --requirement "$(dirname "${BASH_SOURCE[0]}")/requirements.txt"
