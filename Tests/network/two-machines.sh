#!/usr/bin/env bash
# One training on two machines, which network namespaces joined by a virtual cable stand for:
# the parameters are those of `--processes 2` on one machine; nothing listens beyond the named interface; the bytes on
# the cable are those that metrics.jsonl counts; a stranger with another token stays out; a cable that is cut is noticed on
# both sides. Needs root, for namespaces; says so and ends well where it has none. `make interop` runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

simclr=$PWD/.build/release/simclr
timeout_seconds=5
a=simclr-a-$$ b=simclr-b-$$ # the namespaces; eth0 in each is its end of the cable
address_a=10.77.0.1 address_b=10.77.0.2 port=29400
export SIMCLR_JOB_TOKEN=0123456789abcdef0123456789abcdef

fail() {
  echo "two-machines: $*" >&2
  exit 1
}

skip() {
  echo "two-machines: skipped, $*"
  exit 0
}

make_machines() {
  local name
  for name in $a $b; do
    ip netns add "$name" 2>/dev/null || skip "this system lets nobody make network namespaces"
  done
  ip link add eth0 netns $a type veth peer name eth0 netns $b 2>/dev/null || skip "this kernel has no virtual cables"
  for name in $a $b; do
    ip -n "$name" link set lo up
    ip -n "$name" link set eth0 up
  done
  ip -n $a address add $address_a/24 dev eth0
  ip -n $b address add $address_b/24 dev eth0
}

remove() {
  local name
  for name in $a $b; do
    # Only what runs in our own namespaces.
    ip netns pids "$name" 2>/dev/null | xargs --no-run-if-empty kill -KILL 2>/dev/null || true
    ip netns delete "$name" 2>/dev/null || true
  done
  rm -rf "$scratch"
}

# node NAMESPACE RANK NAME [ARGUMENT…]: a supervisor with one worker, its words in NAME.RANK.log
node() {
  local namespace=$1 rank=$2 name=$3
  shift 3
  ip netns exec "$namespace" "$simclr" pretrain "$scratch/recipe.yaml" --output "$scratch/$name" "$@" \
    --nodes 2 --node-rank "$rank" --rendezvous $address_a:$port >"$scratch/$name.$rank.log" 2>&1
}

words() { grep -v '^epoch' "$scratch/$1.$2.log" | tail -n 4; }

last_step() { sed -n 's/.*"step":\([0-9]*\)[,}].*/\1/p' "$scratch/$1/metrics.jsonl" 2>/dev/null | tail -n 1; }

# wait_for_step NAME STEP PID
wait_for_step() {
  until [[ $(last_step "$1") -ge $2 ]] 2>/dev/null; do
    kill -0 "$3" 2>/dev/null || fail "$1 ended early: $(words "$1" 0)"
    sleep 0.02
  done
}

same_parameters() {
  local file step
  step=$(<"$scratch/one/checkpoints/latest")
  for file in model optimizer; do
    cmp -s "$scratch/one/checkpoints/$step/$file.safetensors" "$scratch/$1/checkpoints/$step/$file.safetensors" ||
      fail "$1: $file.safetensors differs from that of --processes 2 on one machine"
  done
}

train_alike() {
  "$simclr" pretrain "$scratch/recipe.yaml" --output "$scratch/one" --processes 2 >"$scratch/one.log" 2>&1 ||
    fail "--processes 2: $(tail -n 2 "$scratch/one.log")"
  node $a 0 two &
  local first=$!
  node $b 1 two || fail "node 1: $(words two 1)"
  wait $first || fail "node 0: $(words two 0)"
  same_parameters two
  echo "two-machines: same parameters as --processes 2 on one machine"
}

# A stranger takes the place of node 1 first, with another secret.
keep_strangers_out() {
  node $a 0 strangers distributed.timeout_seconds=60 &
  local first=$!
  if SIMCLR_JOB_TOKEN=ffffffffffffffffffffffffffffffff node $b 1 strangers distributed.timeout_seconds=3; then
    fail "a stranger with another token got in"
  fi
  grep -q "error: rank 1: rank 0 of 2 did not arrive at $address_a:$port within 3 s: .*SIMCLR_JOB_TOKEN" \
    "$scratch/strangers.1.log" || fail "the stranger was told: $(words strangers 1)"
  node $b 1 strangers distributed.timeout_seconds=60 || fail "node 1 after the stranger: $(words strangers 1)"
  wait $first || fail "node 0 after the stranger: $(words strangers 0)"
  same_parameters strangers
  echo "two-machines: a stranger with another token was turned away, and the job was not disturbed"
}

# A worker of node 1 is killed: both supervisors start theirs again, and these meet again.
restart() {
  local again=(distributed.timeout_seconds=20 --max-restarts 2) nodes
  node $a 0 restarted "${again[@]}" &
  nodes=($!)
  node $b 1 restarted "${again[@]}" &
  nodes+=($!)
  wait_for_step restarted 7 "${nodes[0]}"
  kill -KILL "$(pgrep --parent "$(pgrep --parent "${nodes[1]}")")"
  wait "${nodes[1]}" || fail "node 1 after its worker was killed: $(words restarted 1)"
  wait "${nodes[0]}" || fail "node 0 after node 1's worker was killed: $(words restarted 0)"
  grep -q 'rank 1 was killed by SIGKILL; starting all again' "$scratch/restarted.1.log" || fail "nobody was killed"
  grep -q 'rank 0 failed: lost rank 1' "$scratch/restarted.0.log" || fail "node 0 said: $(words restarted 0)"
  same_parameters restarted
  echo "two-machines: after a worker was killed both machines started again and ended with the same parameters"
}

# Sockets that listen in a namespace on other addresses than its own on the cable.
listens_elsewhere() {
  ip netns exec "$1" ss -ltnH | awk '{ print $4 }' | grep -v "^$2:" || true
}

sent_bytes() { ip netns exec "$1" cat /sys/class/net/eth0/statistics/tx_bytes; }

watch_and_cut() {
  local wide=(encoder.width=0.25 training.epochs=100000) nodes elsewhere
  node $a 0 cut "${wide[@]}" &
  nodes=($!)
  node $b 1 cut "${wide[@]}" &
  nodes+=($!)
  wait_for_step cut 5 "${nodes[0]}"
  elsewhere=$(listens_elsewhere $a $address_a)$(listens_elsewhere $b $address_b)
  [[ -z $elsewhere ]] || fail "these listen on other interfaces: $elsewhere"
  [[ $(ip netns exec $a ss -ltnH | wc -l) -ge 2 ]] || fail "nothing listens at all: the check is worth nothing"
  echo "two-machines: nothing listens beyond the named interface"
  count_bytes
  pull_cable "${nodes[@]}"
}

# Packets have headers, and the store's signs of life are not counted.
count_bytes() {
  local begin end steps counted namespace
  local -A before=([$a]=$(sent_bytes $a) [$b]=$(sent_bytes $b))
  begin=$(last_step cut)
  sleep 8
  end=$(last_step cut)
  local -A after=([$a]=$(sent_bytes $a) [$b]=$(sent_bytes $b))
  steps=$((end - begin))
  counted=$(sed -n 's/.*"sent_bytes_per_step":\([0-9]*\).*/\1/p' "$scratch/cut/metrics.jsonl" | tail -n 1)
  for namespace in $a $b; do
    local sent=$(((after[$namespace] - before[$namespace]) / steps))
    echo "two-machines: $sent bytes a step on the cable ($steps steps), $counted counted: $((100 * sent / counted)) %"
    ((100 * sent >= 95 * counted && 100 * sent <= 115 * counted)) || fail "these should agree"
  done
}

# pull_cable PID PID
pull_cable() {
  local start=$SECONDS process longest=$((timeout_seconds + 12))
  ip -n $a link set eth0 down
  for process in "$@"; do
    if wait "$process"; then fail "a cut cable is no success"; fi
  done
  ((SECONDS - start <= longest)) || fail "the cut was noticed after $((SECONDS - start)) s only"
  grep -q 'error: rank 0: lost rank 1: no sign of life' "$scratch/cut.0.log" || fail "node 0 said: $(words cut 0)"
  grep -q 'error: rank 1: lost rank 0 (node 0): ' "$scratch/cut.1.log" || fail "node 1 said: $(words cut 1)"
  echo "two-machines: a cable that was cut was noticed on both sides, all ended after $((SECONDS - start)) s"
}

((EUID == 0)) || skip "network namespaces need root"
command -v ip >/dev/null && command -v ss >/dev/null || skip "no ip and ss: install what Debian calls iproute2"
[[ -x $simclr ]] || fail "no $simclr: run make build first"
scratch=$(mktemp -d)
trap remove EXIT
make_machines
"$simclr" data shapes "$scratch/images" --train 40 --test 10 --size 32 >/dev/null
cat >"$scratch/recipe.yaml" <<YAML
data: { path: $scratch/images, threads: 1 }
augmentation: { image_size: 32 }
encoder: { architecture: resnet18, width: 0.0625 }
projection_head: { hidden_dimension: 16, output_dimension: 8 }
optimizer: { name: sgd, learning_rate: 0.05, learning_rate_scaling: none }
schedule: { warmup_epochs: 0 }
training: { global_batch_size: 8, epochs: 4, precision: fp32, device: cpu, threads: 1 }
output: { log_every_steps: 1, checkpoint_every_steps: 20 }
distributed: { timeout_seconds: $timeout_seconds }
YAML
train_alike
keep_strangers_out
restart
watch_and_cut
