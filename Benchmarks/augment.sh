#!/usr/bin/env bash
# Images a second from JPEG files to two views each, ours and everyone else's in turn, on the same files:
#
#   Benchmarks/augment.sh DATA SIZE PYTHON [ROUNDS] [IMAGES]
#
# DATA holds JPEG files; PYTHON is that of Benchmarks/peers/setup.sh. Two threads or workers each, files decoded every
# time. Prints every round, the medians, and the ratio of ours to the fastest peer. CONTESTANTS, a list of names, leaves
# the others out, of which lightly and torchvision take most of the time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage="usage: augment.sh DATA SIZE PYTHON [ROUNDS] [IMAGES]"
data=${1:?$usage}
size=${2:?$usage}
python=${3:?$usage}
rounds=${4:-5}
images=${5:-1000}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# ours THREADS [OPTION…]: ten times the images where they are small, else a round would be over in a tenth of a second
ours() {
  .build/release/simclr benchmark augment --data "$data" --size "$size" --rounds 1 \
    --images $((size <= 64 ? 10 * images : images)) \
    --threads "$@" --json 2>/dev/null | "$python" Benchmarks/figures.py images_per_second
}

measure() {
  case $1 in
    simclr) ours 2 ;;
    simclr-1-thread) ours 1 ;;
    simclr-bf16) ours 2 --precision bf16 ;;
    simclr-cached) ours 2 --cache-megabytes 1024 ;;
    *) "$python" Benchmarks/peers/augment.py "$1" "$data" --size "$size" --images "$images" 2>/dev/null ;;
  esac
}

median() {
  sort -n "$1" | awk '{ values[NR] = $1 } END { print (values[int((NR + 1) / 2)] + values[int((NR + 2) / 2)]) / 2 }'
}

read -ra contestants <<<"${CONTESTANTS:-simclr simclr-1-thread simclr-bf16 simclr-cached albumentations dali lightly torchvision decode}"
row='%-16s'
for ((round = 1; round <= rounds; round++)); do
  for name in "${contestants[@]}"; do
    measure "$name" >>"$scratch/$name"
    printf "round %d  $row %10s\n" "$round" "$name" "$(tail -n 1 "$scratch/$name" | cut -d. -f1)"
  done
done
echo
for name in "${contestants[@]}"; do
  printf "median   $row %10s\n" "$name" "$(median "$scratch/$name" | cut -d. -f1)"
done
[[ -e $scratch/simclr ]] || exit 0
for peer in albumentations dali lightly torchvision; do
  if [[ -e $scratch/$peer ]]; then median "$scratch/$peer"; fi
done | sort -n | tail -n 1 |
  awk -v ours="$(median "$scratch/simclr")" '{ printf "ratio to the fastest peer: %.2f\n", ours / $1 }'
[[ -e $scratch/simclr-1-thread ]] || exit 0
awk -v two="$(median "$scratch/simclr")" -v one="$(median "$scratch/simclr-1-thread")" \
  'BEGIN { printf "two threads to one: %.2f\n", two / one }'
