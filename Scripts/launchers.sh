#!/usr/bin/env bash
# Proves that trainings under other launchers are the program's own `--processes 2`: starts the real program under
# torchrun (with its agent's store and without, and with a worker killed), under Open MPI's mpirun, and with the variables
# that Slurm, Kubeflow and MPICH set, and compares parameters and optimizer state bit for bit.
#
# `make interop` runs it after Scripts/interop.sh, whose Python environment holds torchrun. TORCHRUN=… takes another one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

simclr=$PWD/.build/release/simclr
cache=${XDG_CACHE_HOME:-$HOME/.cache}/simclr
torchrun=${TORCHRUN:-$cache/interop-torch-2.11.0-cpu/bin/torchrun}

fail() {
  echo "launchers: $*" >&2
  exit 1
}

install_mpirun() {
  ! command -v mpirun >/dev/null || return 0
  command -v apt-get >/dev/null || fail "no mpirun: install what Debian calls openmpi-bin, then run this again"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "no mpirun; as root, run: apt-get install openmpi-bin"
    as_root=(sudo)
  fi
  echo "installing the Debian package openmpi-bin"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
  "${apt[@]}" update >"$scratch/apt.log" 2>&1 || true
  "${apt[@]}" install -y --no-install-recommends openmpi-bin >>"$scratch/apt.log" 2>&1 ||
    fail "apt-get could not install openmpi-bin: $(tail -n 1 "$scratch/apt.log")"
}

# train NAME COMMAND…: trains below the launcher COMMAND, and compares
train() {
  local name=$1
  shift
  timeout 120 "$@" "$simclr" pretrain "$scratch/recipe.yaml" --output "$scratch/$name" >"$scratch/$name.log" 2>&1 ||
    fail "$name: $(grep -v '^epoch' "$scratch/$name.log" | tail -n 5)"
  compare "$name"
}

compare() {
  local name=$1 file
  for file in model optimizer; do
    cmp -s "$(checkpoint own)/$file.safetensors" "$(checkpoint "$name")/$file.safetensors" ||
      fail "$name: $file.safetensors differs from that of --processes 2"
  done
  grep -q ', 2 processes$' "$scratch/$name.log" || fail "$name: these were not 2 processes"
  echo "same parameters: $name"
}

checkpoint() { echo "$scratch/$1/checkpoints/$(<"$scratch/$1/checkpoints/latest")"; }

# each_rank COMMAND…: runs it as rank 0 and 1 with $rank set; `VARIABLE=@` in it becomes the rank
each_rank() {
  local other
  env "${@//@/1}" &
  other=$!
  env "${@//@/0}" && wait "$other"
}
export -f each_rank

# The agent restarts both when one is killed; --resume has them go on.
train_with_kill() {
  local name=torchrun-with-a-worker-killed agent
  "$torchrun" --standalone --no-python --nproc-per-node 2 --max-restarts 2 \
    "$simclr" pretrain "$scratch/recipe.yaml" --output "$scratch/$name" --resume >"$scratch/$name.log" 2>&1 &
  agent=$!
  until grep -qs '"step":20' "$scratch/$name/metrics.jsonl"; do
    kill -0 $agent 2>/dev/null || fail "$name: $(tail -n 5 "$scratch/$name.log")"
    sleep 0.02
  done
  kill -KILL "$(pgrep --parent $agent | tail -n 1)"
  wait $agent || fail "$name: $(tail -n 5 "$scratch/$name.log")"
  grep -q 'going on after step' "$scratch/$name.log" || fail "$name: it was not started again"
  compare $name
}

[[ -x $simclr ]] || fail "no $simclr: run make interop, which builds it"
[[ -x $torchrun ]] || fail "no $torchrun: run make interop, which installs it"
# For launchers that choose none.
port=$("$(dirname "$torchrun")/python" -c \
  'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
install_mpirun
"$simclr" data shapes "$scratch/images" --train 40 --test 10 --size 32 >/dev/null
cat >"$scratch/recipe.yaml" <<YAML
data: { path: $scratch/images, threads: 1 }
augmentation: { image_size: 32 }
encoder: { architecture: resnet18, width: 0.0625 }
projection_head: { hidden_dimension: 16, output_dimension: 8 }
optimizer: { name: sgd, learning_rate: 0.05, learning_rate_scaling: none }
schedule: { warmup_epochs: 0 }
training: { global_batch_size: 8, epochs: 10, precision: fp32, device: cpu, threads: 1 }
output: { log_every_steps: 1, checkpoint_every_steps: 5 }
distributed: { timeout_seconds: 30 }
YAML

"$simclr" pretrain "$scratch/recipe.yaml" --output "$scratch/own" --processes 2 >"$scratch/own.log" 2>&1 ||
  fail "--processes 2: $(tail -n 3 "$scratch/own.log")"

# torchrun's agent serves the store and shares it with the workers, or leaves that to rank 0: it says which.
with_store=(bash -c '[[ $TORCHELASTIC_USE_AGENT_STORE == "$0" ]] && exec "$@"')
train torchrun-with-its-store "$torchrun" --standalone --no-python --nproc-per-node 2 "${with_store[@]}" True
train torchrun-without-its-store env TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 \
  "$torchrun" --standalone --no-python --nproc-per-node 2 "${with_store[@]}" False
train_with_kill

as_root=()
((EUID != 0)) || as_root=(--allow-run-as-root)
train mpirun mpirun "${as_root[@]}" --oversubscribe --bind-to none -n 2

# Scripts/launch put program and command in front of the arguments themselves.
with_script() {
  PATH=$1:$PATH PROCESSES=2 MPIRUN_OPTIONS=$2 PROGRAM=$4 exec "$3" "${@:6}"
}
export -f with_script
for launcher in torchrun mpirun; do
  train scripts-launch-$launcher bash -c 'with_script "$@"' - "$(dirname "$torchrun")" "${as_root[*]}" \
    Scripts/launch/$launcher.sh
done

train slurm bash -c 'each_rank "$@"' - SLURM_JOB_ID=$$ SLURM_STEP_ID=0 SLURM_PROCID=@ SLURM_LOCALID=@ SLURM_NODEID=0 \
  SLURM_NTASKS=2 SLURM_STEP_NUM_TASKS=2 SLURM_STEP_TASKS_PER_NODE=2 SLURM_STEP_NODELIST=localhost
train kubeflow bash -c 'each_rank "$@"' - RANK=@ WORLD_SIZE=2 MASTER_ADDR=localhost MASTER_PORT="$port"
train mpich bash -c 'each_rank "$@"' - PMI_RANK=@ PMI_SIZE=2 MPI_LOCALRANKID=@ MPI_LOCALNRANKS=2 MASTER_PORT="$port"
