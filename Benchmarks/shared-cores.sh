#!/usr/bin/env bash
# What other programs on the same cores take from a training: pairs of views a second alone, beside one program that is
# always busy, beside two, and beside a second training like it.
#
#   Benchmarks/shared-cores.sh DATA [ROUNDS] [STEPS] [PYTHON]
#
# DATA holds train/<class>/*.jpg of 32 pixels. The busy programs run in this terminal's session, where the system gives
# every thread the same share of the cores, and then in sessions of their own, where it gives each session the same (Linux:
# /proc/sys/kernel/sched_autogroup_enabled). With PYTHON, which is that of Benchmarks/peers/setup.sh, PyTorch's recipe is
# measured beside it. Further words of SIMCLR (such as "env OMP_PROC_BIND=false") come before the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=${1:?usage: shared-cores.sh DATA [ROUNDS] [STEPS] [PYTHON]}
rounds=${2:-3}
steps=${3:-5}
python=${4:-}
read -ra before <<<"${SIMCLR:-}"
scratch=$(mktemp -d)
others=()
end_others() {
  ((${#others[@]} == 0)) || kill "${others[@]}" 2>/dev/null || true
  others=()
  wait
}
trap 'end_others; rm -rf "$scratch"' EXIT

busy() { while :; do :; done; }

# begin KIND COUNT: so many programs that are always busy
begin() {
  for ((i = 0; i < $2; i++)); do
    if [[ $1 == session ]]; then setsid bash -c 'while :; do :; done' & else busy & fi
    others+=($!)
  done
}

ours() {
  "${before[@]}" .build/release/simclr benchmark step Configurations/cifar10-resnet18-slim.yaml data.path="$data" \
    training.global_batch_size=256 --steps "$steps" --json 2>/dev/null |
    sed -n 's/.*"pairs_per_second" : \([0-9.]*\).*/\1/p' | head -n 1
}

peer() {
  "$python" Benchmarks/peers/pretrain.py "$data" --steps "$steps" 2>/dev/null |
    sed -n 's/.*"pairs_per_second": \([0-9.]*\).*/\1/p'
}

median() { sort -g "$1" | awk '{ values[NR] = $1 } END { print values[int((NR + 1) / 2)] }'; }

# measure NAME PROGRAM
measure() {
  local rate
  rate=$("$2")
  printf '%-8s %-28s %-8s %8.1f\n' "$round" "$1" "$2" "${rate:-0}"
  echo "${rate:-0}" >>"$scratch/$2-${1// /_}"
}

programs=(ours)
[[ -z $python ]] || programs+=(peer)
cases=('alone' 'beside one' 'beside two' 'beside one session' 'beside two sessions')
for ((round = 1; round <= rounds; round++)); do
  for name in "${cases[@]}"; do
    for program in "${programs[@]}"; do
      case $name in
        'beside one') begin program 1 ;;
        'beside two') begin program 2 ;;
        'beside one session') begin session 1 ;;
        'beside two sessions') begin session 2 ;;
      esac
      measure "$name" "$program"
      end_others
    done
  done
  # Two trainings at once: each one's rate.
  ours >"$scratch/other" &
  measure 'beside another training' ours
  wait
done
echo
for program in "${programs[@]}"; do
  alone=$(median "$scratch/$program-alone")
  for file in "$scratch/$program"-*; do
    rate=$(median "$file")
    awk -v what="$program ${file##*/"$program"-}" -v rate="$rate" -v alone="$alone" \
      'BEGIN { gsub("_", " ", what); printf "%-34s median %8.1f  %4.0f %%\n", what, rate, 100 * rate / alone }'
  done
done
