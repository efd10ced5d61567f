#!/usr/bin/env bash
# From a bare machine to a trained encoder: sets up, builds, draws images, pretrains on them without labels, and
# compares the trained encoder with the same one untrained. Interrupted, it goes on where it was.
set -euo pipefail
shopt -s inherit_errexit
export LC_NUMERIC=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."

simclr=.build/release/simclr
data=data/shapes
run=runs/quickstart

# top1 PROTOCOL [OPTION…]: the accuracy in percent, with one decimal
top1() {
  local protocol=$1 json accuracy
  shift
  json=$("$simclr" evaluate "$protocol" "$run" --data "$data" --json "$@")
  # Of all images; classes and epochs have a top1 of their own, further in.
  accuracy=$(sed -n 's/^  "top1" *: *\([0-9.]*\).*/\1/p' <<<"$json")
  [[ -n $accuracy ]] || { echo "quickstart: no top1 in the answer of simclr evaluate $protocol: $json" >&2; exit 1; }
  printf '%.1f' "$accuracy"
}

Scripts/setup.sh
echo "building"
swift build -c release --product simclr

if [[ ! -d $data ]]; then
  echo "drawing images"
  rm -rf "$data.partial"
  "$simclr" data shapes "$data.partial"
  mv "$data.partial" "$data"
fi

echo "pretraining without labels"
resume=()
[[ ! -e $run ]] || resume=(--resume)
"$simclr" pretrain Configurations/shapes-quickstart.yaml --output "$run" "${resume[@]}"

echo "evaluating"
random_knn=$(top1 knn --random-initialization)
random_linear=$(top1 linear --random-initialization)
trained_knn=$(top1 knn)
trained_linear=$(top1 linear)

row='%-18s %12s %14s\n'
echo
printf "$row" "test images, %" "kNN top-1" "linear top-1"
printf "$row" "random encoder" "$random_knn" "$random_linear"
printf "$row" "trained encoder" "$trained_knn" "$trained_linear"
echo
echo "The run lies in $run: config.yaml, metrics.jsonl, checkpoints/, evaluation/."
