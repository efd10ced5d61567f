#!/usr/bin/env bash
# What several processes lose against one: two workers of one thread each and one process with two threads, in turns, on a
# machine of two cores that does nothing else.
#
#   Benchmarks/overhead.sh DATA [ROUNDS] [STEPS] [RECIPE] [key=value …]
#
# Prints pairs of views a second with loading and on one batch in memory, and the share of a step that workers waited for
# each other; then the ratio of the medians. With DATA '' only on one batch, of noise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=${1?usage: overhead.sh DATA [ROUNDS] [STEPS] [RECIPE] [key=value …]}
rounds=${2:-3}
steps=${3:-5}
recipe=${4:-Configurations/cifar10-resnet18.yaml}
shift $(($# < 4 ? $# : 4))
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The number under a key of what was measured last; - where there is none.
figure() { python3 Benchmarks/figures.py "$1" <"$scratch/last"; }

median() { sort -n "$1" | awk '{ values[NR] = $1 } END { print values[int((NR + 1) / 2)] }'; }

row='%-6s %10s %14s %14s %14s\n'
printf "$row" round processes 'with loading' 'on one batch' 'share waited'
for ((round = 1; round <= rounds; round++)); do
  for processes in 1 2; do
    .build/release/simclr benchmark step "$recipe" training.global_batch_size=256 data.path="$data" "$@" \
      --steps "$steps" --processes "$processes" --json >"$scratch/last"
    printf "$row" "$round" "$processes" "$(figure pairs_per_second)" "$(figure compute_pairs_per_second)" \
      "$(figure communication_wait.share)"
    figure compute_pairs_per_second >>"$scratch/compute-$processes"
    figure pairs_per_second >>"$scratch/loading-$processes"
  done
done
for series in compute loading; do
  [[ -n $data || $series == compute ]] || continue
  one=$(median "$scratch/$series-1") two=$(median "$scratch/$series-2")
  awk -v s="$series" -v one="$one" -v two="$two" \
    'BEGIN { printf "%s: medians %.1f and %.1f, ratio %.3f\n", s, one, two, two / one }'
done
