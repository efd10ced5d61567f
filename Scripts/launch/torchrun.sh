#!/usr/bin/env bash
# Under torchrun, one process for each GPU of this machine (or PROCESSES=…):
#   Scripts/launch/torchrun.sh CONFIG.yaml data.path=/data/images --output runs/a
# On several machines the same command on each, with the same values:
#   NODES=2 RENDEZVOUS=node-a:29400 SIMCLR_JOB_TOKEN=… Scripts/launch/torchrun.sh …
set -euo pipefail

processes=${PROCESSES:-$(nvidia-smi --list-gpus 2>/dev/null | wc -l)}
[[ $processes != 0 ]] || processes=1
# torchrun would give each process a single thread.
cores=$(($(nproc) / processes))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores > 0 ? cores : 1))}

if [[ ${NODES:-1} == 1 ]]; then
  # Port 0: any free one, so that two jobs can run on one machine.
  rendezvous=(--rdzv-backend=c10d --rdzv-endpoint=127.0.0.1:0 --local-addr=127.0.0.1)
else
  rendezvous=(--rdzv-backend=c10d --rdzv-endpoint="${RENDEZVOUS:?a name of one machine and a port there, host:port}")
  : "${SIMCLR_JOB_TOKEN:?a secret, the same on all machines: openssl rand -hex 32}"
fi

# After a failure torchrun starts all processes again, and --resume has them go on from the last checkpoint.
exec torchrun --no-python --nnodes="${NODES:-1}" --nproc-per-node="$processes" --max-restarts="${RESTARTS:-0}" \
  "${rendezvous[@]}" "${PROGRAM:-simclr}" pretrain "$@" --resume
