#!/usr/bin/env bash
# Compares methods at equal cost: trains the slim recipes for CIFAR-10, each with each seed, evaluates them by nearest
# neighbors and a linear classifier, and writes a table in Markdown.
#
#   Benchmarks/methods.sh DATA OUTPUT [SEEDS] [key=value …]
#
# DATA holds CIFAR-10; OUTPUT gets the runs, what was said (log) and table.md; SEEDS are numbers in quotes ('0 1').
# METHODS='byol vicreg' chooses some, SIMCLR another program. What is there already is not computed again, and a run that
# was stopped goes on. Keys go on top of all recipes: training.epochs=20.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage='usage: methods.sh DATA OUTPUT [SEEDS] [key=value …]'
data=${1:?$usage}
output=${2:?$usage}
seeds=${3:-0}
shift $(($# < 3 ? $# : 3))
simclr=${SIMCLR:-.build/release/simclr}
mkdir -p "$output"

recipe() {
  case $1 in
    simclr) echo Configurations/cifar10-resnet18-slim.yaml ;;
    *) echo "Configurations/methods/cifar10-$1-slim.yaml" ;;
  esac
}

all=simclr
for file in Configurations/methods/cifar10-*-slim.yaml; do
  name=${file##*/cifar10-}
  all+=" ${name%-slim.yaml}"
done

# The last number under a key in a file, or that of a line of it; - where there is none.
last() { { grep -o "\"$1\" *: *[-0-9.e+]*" "$2" || echo ': -'; } | tail -n 1 | sed 's/.*: *//'; }
percent() { awk -v value="$1" 'BEGIN { if (value == "-") print "-"; else printf "%.2f\n", value }'; }

# ARGUMENTS > FILE, whole or not at all.
evaluate() {
  local file=$1
  shift
  [[ -e $file ]] && return
  "$simclr" evaluate "$@" --data "$data" --json >"$file.partial" 2>>"$output/log"
  mv "$file.partial" "$file"
}

table=$output/table.md
{
  echo '| method | seed | kNN top-1 | linear top-1 | minutes | peak memory, MB | RankMe | last loss |'
  echo '|---|---|---|---|---|---|---|---|'
} | tee "$table"
for method in ${METHODS:-$all}; do
  for seed in $seeds; do
    run=$output/$method-$seed
    if [[ ! -e $run.done ]]; then
      resume=()
      [[ -e $run ]] && resume=(--resume)
      "$simclr" pretrain "$(recipe "$method")" data.path="$data" training.seed="$seed" \
        output.spread_every_steps=20 "$@" --output "$run" "${resume[@]}" >>"$output/log" 2>&1
      touch "$run.done"
    fi
    evaluate "$run.knn.json" knn "$run"
    evaluate "$run.linear.json" linear "$run"
    # Training alone: the time of whole epochs.
    minutes=$({ grep -o '"seconds":[0-9.]*' "$run/metrics.jsonl" || true; } |
      awk -F: '{ sum += $2 } END { printf "%.1f", sum / 60 }')
    bytes=$(last peak_memory_bytes "$run/metrics.jsonl")
    printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$method" "$seed" \
      "$(percent "$(last top1 "$run.knn.json")")" "$(percent "$(last top1 "$run.linear.json")")" "$minutes" \
      "$(awk -v b="$bytes" 'BEGIN { if (b == "-") print "-"; else printf "%.0f", b / 1e6 }')" \
      "$(percent "$(last rank_me "$run/metrics.jsonl")")" "$(percent "$(last mean_loss "$run/metrics.jsonl")")" |
      tee -a "$table"
  done
done
