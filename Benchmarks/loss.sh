#!/usr/bin/env bash
# Seconds of NT-Xent, forward and backward, and the memory it takes beyond the projections: ours and lightly's in turn.
#
#   Benchmarks/loss.sh PYTHON [ROUNDS] [PAIRS] [DIM]
#
# PYTHON is that of Benchmarks/peers/setup.sh. Prints every round and the medians; each round is the median of a few runs.
# lightly takes 16 bytes times the square of twice the pairs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${1:?usage: loss.sh PYTHON [ROUNDS] [PAIRS] [DIM]}
rounds=${2:-3}
pairs=${3:-8192}
dimension=${4:-128}
threads=$(nproc)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# ours [OPTION…]: seconds and bytes
ours() {
  .build/release/simclr benchmark loss --pairs "$pairs" --dim "$dimension" --device cpu --runs 5 "$@" --json |
    "$python" Benchmarks/figures.py seconds peak_bytes
}

measure() {
  case $1 in
    simclr) ours ;;
    simclr-two-processes) ours --processes 2 ;;
    lightly) "$python" Benchmarks/peers/loss.py --pairs "$pairs" --dim "$dimension" --runs 1 --threads "$threads" ;;
  esac
}

# median FILE COLUMN
median() { cut -d ' ' -f "$2" "$1" | sort -g | awk '{ values[NR] = $1 } END { print values[int((NR + 1) / 2)] }'; }

read -ra contestants <<<"${CONTESTANTS:-simclr simclr-two-processes lightly}"
row='%-8s %-22s %10s s %14s bytes\n'
for ((round = 1; round <= rounds; round++)); do
  for name in "${contestants[@]}"; do
    measure "$name" >>"$scratch/$name"
    read -r seconds bytes < <(tail -n 1 "$scratch/$name")
    printf "$row" "round $round" "$name" "$seconds" "$bytes"
  done
done
for name in "${contestants[@]}"; do
  printf "$row" median "$name" "$(median "$scratch/$name" 1)" "$(median "$scratch/$name" 2)"
done
[[ -e $scratch/simclr && -e $scratch/lightly ]] || exit 0
awk -v ours="$(median "$scratch/simclr" 1)" -v lightly="$(median "$scratch/lightly" 1)" \
  'BEGIN { printf "lightly takes %.1f times as long\n", lightly / ours }'
