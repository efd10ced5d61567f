#!/usr/bin/env bash
# Several machines under Slurm, one task for each GPU:
#   sbatch Scripts/launch/slurm.sh Configurations/imagenet-resnet50-simclr.yaml data.path=/data/imagenet --output runs/a
# Adapt what is asked for below. The folder of the run has to be on a file system that all machines share.
#SBATCH --job-name=simclr
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
# Two minutes before the time is over all tasks get SIGTERM, save and end with exit code 75.
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

# srun does not take over --cpus-per-task by itself in every version.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
# What only this job's tasks know; srun hands the environment on.
SIMCLR_JOB_TOKEN=$(openssl rand -hex 32)
export SIMCLR_JOB_TOKEN

# --resume starts anew where there is nothing to resume, so a job that was requeued needs no other command.
code=0
srun --kill-on-bad-exit=1 "${PROGRAM:-simclr}" pretrain "$@" --resume || code=$?
if [[ $code == 75 ]]; then
  echo "stopped after a checkpoint: queueing the job again"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
