#!/usr/bin/env bash
# Under Open MPI's mpirun, PROCESSES on this machine:
#   PROCESSES=2 Scripts/launch/mpirun.sh CONFIG.yaml data.path=/data/images --output runs/a
# or on several, with rank 0 on the first host:
#   PROCESSES=16 HOSTS=node-a:8,node-b:8 MASTER_PORT=29400 Scripts/launch/mpirun.sh …
# MPI starts the processes only; they talk by Gloo or NCCL.
set -euo pipefail

processes=${PROCESSES:?how many processes}
per_host=$processes
where=()
if [[ -n ${HOSTS:-} ]]; then
  first=${HOSTS%%,*}
  export MASTER_ADDR=${MASTER_ADDR:-${first%%:*}} MASTER_PORT=${MASTER_PORT:?a free port on the first host}
  SIMCLR_JOB_TOKEN=${SIMCLR_JOB_TOKEN:-$(openssl rand -hex 32)}
  export SIMCLR_JOB_TOKEN
  where=(--host "$HOSTS" -x MASTER_ADDR -x MASTER_PORT -x SIMCLR_JOB_TOKEN)
  [[ $first != *:* ]] || per_host=${first##*:}
fi

# Left to itself, mpirun binds a process to one core when there are up to two of them.
cores=$(($(nproc) / per_host))
if ((cores > 0)); then
  binding=(--map-by "slot:PE=$cores" --bind-to core)
else
  binding=(--oversubscribe --bind-to none)
fi

# mpirun waits this many seconds before it passes SIGTERM on, and as many again before it kills. Its default, one, is
# little for a checkpoint.
exec mpirun -np "$processes" "${where[@]}" "${binding[@]}" --mca odls_base_sigkill_timeout "${KILL_SECONDS:-10}" \
  ${MPIRUN_OPTIONS:-} "${PROGRAM:-simclr}" pretrain "$@" --resume
