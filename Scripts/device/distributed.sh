#!/usr/bin/env bash
# On a machine with a GPU: trains the same few steps alone, alone with gradients through NCCL, and in two processes that
# share the GPU over Gloo, and prints a table of losses and rates. The losses of all rows should agree to rounding:
#
#   Scripts/device/distributed.sh DATA [STEPS]
#
# DATA is what data.path takes. It needs a complete libtorch (with CUDA), .build/release/simclr, and
# .build/release/libCTorchCUDA.so, which Scripts/build-cuda.sh builds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

data=${1:?usage: distributed.sh DATA [STEPS]}
steps=${2:-20}
simclr=.build/release/simclr
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What one of the last lines of metrics says, under its key.
metric() { sed -n "s/.*\"$2\":\([-0-9.e]*\).*/\1/p" "$scratch/$1/metrics.jsonl" | tail -n 1; }

row='%-34s %12s %12s %10s\n'
printf "$row" run 'first loss' 'last loss' 'images/s'
train() {
  local name=$1
  shift
  "$simclr" pretrain Configurations/cifar10-resnet18-slim.yaml data.path="$data" training.device=cuda \
    training.precision=fp32 training.deterministic=true training.global_batch_size=256 \
    training.maximum_steps="$steps" output.log_every_steps=1 --output "$scratch/$name" "$@" 2>"$scratch/$name.err" || {
    printf '%-34s %s\n' "$name" "failed: $(tail -n 1 "$scratch/$name.err")"
    return 0
  }
  printf "$row" "$name" "$(sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$scratch/$name/metrics.jsonl" | head -n 1)" \
    "$(metric "$name" loss)" "$(metric "$name" images_per_second | cut -d. -f1)"
}

train one-process distributed.backend=gloo
train one-process-nccl distributed.backend=nccl
train two-processes-gloo-sharing distributed.backend=gloo --processes 2
if [[ $(nvidia-smi --list-gpus | wc -l) -ge 2 ]]; then
  train two-processes-nccl distributed.backend=nccl --processes 2
else
  echo 'two-processes-nccl: needs two GPUs'
fi
