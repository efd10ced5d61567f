#!/usr/bin/env bash
# Pairs of views a second while pretraining, ours and PyTorch's in turn, on the same files and recipe:
#
#   Benchmarks/pretrain.sh DATA PYTHON [ROUNDS] [STEPS]
#
# DATA holds train/<class>/*.jpg of 32 pixels; PYTHON has torch 2.11.0, torchvision 0.26.0, lightly and Pillow. The first
# step of ours, which allocates, counts; the peer's, which starts its workers, does not. Prints every round and the medians.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=${1:?usage: pretrain.sh DATA PYTHON [ROUNDS] [STEPS]}
python=${2:?usage: pretrain.sh DATA PYTHON [ROUNDS] [STEPS]}
rounds=${3:-5}
steps=${4:-20}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# One line of metrics over all steps gives their mean rate.
ours() {
  rm -rf "$scratch/run"
  .build/release/simclr pretrain Configurations/cifar10-resnet18-slim.yaml data.path="$data" \
    training.maximum_steps="$steps" output.log_every_steps="$steps" --output "$scratch/run" 2>/dev/null
  "$python" Benchmarks/figures.py images_per_second <"$scratch/run/metrics.jsonl"
}

peer() {
  "$python" Benchmarks/peers/pretrain.py "$data" --steps "$steps" 2>/dev/null | "$python" Benchmarks/figures.py pairs_per_second
}

median() {
  sort -n "$1" | awk '{ values[NR] = $1 } END { print (values[int((NR + 1) / 2)] + values[int((NR + 2) / 2)]) / 2 }'
}

row='%-8s %10s %10s\n'
printf "$row" round simclr PyTorch
for ((round = 1; round <= rounds; round++)); do
  ours >>"$scratch/ours"
  peer >>"$scratch/peer"
  printf "$row" "$round" "$(tail -n 1 "$scratch/ours" | cut -d. -f1)" "$(tail -n 1 "$scratch/peer" | cut -d. -f1)"
done
printf "$row" median "$(median "$scratch/ours")" "$(median "$scratch/peer")"
