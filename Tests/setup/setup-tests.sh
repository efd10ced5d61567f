#!/usr/bin/env bash
# Tests Scripts/setup.sh, above all the ways in which it can fail: each must end in one clear line, and a rerun must
# recover. Every case has a checkout, a cache and a PATH of its own; nothing of the user's is touched.
#
#   Tests/setup/setup-tests.sh             fast: a stand-in plays pip, and nothing is downloaded
#   Tests/setup/setup-tests.sh --download  fetches libtorch for real as well (530 MB)
set -uo pipefail

setup=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/Scripts/setup.sh
scratch=$(mktemp -d)
mounted=
failures=0
trap '[[ -z $mounted ]] || umount "$mounted"; rm -rf "$scratch"' EXIT
unset LIBTORCH

# The only programs that setup may count on besides swift, git and Python.
tools=(bash cat chmod compgen dirname df env flock grep head ln mkdir mv readlink rm sed sort tail touch tr uname)

# case_named NAME: a fresh checkout, cache and PATH, with a good swift and a pip that "downloads" a tiny libtorch
case_named() {
  name=$1
  folder=$scratch/${name// /-}
  bin=$folder/bin
  cache=$folder/cache
  mkdir -p "$bin" "$folder/checkout/Scripts" "$cache"
  cp "$setup" "$folder/checkout/Scripts/setup.sh"
  local tool
  for tool in "${tools[@]}"; do
    [[ ! -e /usr/bin/$tool ]] || ln -s "/usr/bin/$tool" "$bin/$tool"
  done
  program swift 'echo "Swift version 6.3.1 (swift-6.3.1-RELEASE)"'
  program git ''
  program python3 "
    [[ \$* == '-m pip --version' ]] && exit 0
    while ((\$# > 0)); do [[ \$1 == --target ]] && target=\$2; shift; done
    echo fetched >>'$folder/downloads'
    $(declare -f make_libtorch)
    make_libtorch \"\$target/torch\" 2.11.0"
}

# program NAME BODY: puts a bash script in the case's PATH
program() {
  rm -f "$bin/$1"
  printf '#!%s\n%s\n' "$(command -v bash)" "$2" >"$bin/$1"
  chmod +x "$bin/$1"
}

# make_libtorch FOLDER VERSION: what setup looks at in a wheel's torch folder
make_libtorch() {
  mkdir -p "$1/lib"
  echo "__version__ = '$2+cu130'" >"$1/version.py"
  touch "$1/lib/libtorch_cpu.so" "$1/lib/libc10.so"
}

# run_setup [VARIABLE=VALUE …]: sets `status` and `output` (standard output and error together)
run_setup() {
  output=$(env -u LIBTORCH PATH="$bin" HOME="$folder" XDG_CACHE_HOME="$cache" "$@" \
    "$folder/checkout/Scripts/setup.sh" 2>&1)
  status=$?
}

# expect_failure TEXT: the last run failed with one line of its own, which holds TEXT
expect_failure() {
  local lines
  lines=$(grep -vc '^fetching \|^installing ' <<<"$output")
  [[ $status == 1 && $lines == 1 && $output == *"setup: "*"$1"* ]] && passed || failed "a line with \"$1\""
}

expect_ready() {
  [[ $status == 0 && ${output##*$'\n'} == "ready: Swift 6.3.1, libtorch 2.11.0 in "* ]] && passed || failed "ready"
}

# expect WHAT CONDITION…: a condition (a command) holds
expect() {
  local what=$1
  shift
  "$@" && passed || failed "$what"
}

downloads_are() {
  [[ $(cat "$folder/downloads" 2>/dev/null | grep -c .) == "$1" ]]
}

is_link_to() {
  [[ $(readlink "$1") == "$2" ]]
}

passed() {
  echo "  passed: $name"
}

failed() {
  failures=$((failures + 1))
  echo "  FAILED: $name"
  echo "    expected $1"
  sed 's/^/    got (exit '"$status"') /' <<<"$output"
}

case_named "no swift"
rm "$bin/swift"
run_setup
expect_failure "no swift in PATH: install Swift 6.1 or newer"

case_named "an old swift"
program swift 'echo "Swift version 5.10.1 (swift-5.10.1-RELEASE)"'
run_setup
expect_failure "Swift 5.10.1 is too old: install Swift 6.1 or newer"

case_named "a swift that does not start"
program swift 'echo "swift: error while loading shared libraries: libedit.so.2" >&2; exit 127'
run_setup
expect_failure "swift does not run: swift: error while loading shared libraries: libedit.so.2"

case_named "a newer swift"
program swift 'echo "Swift version 6.10 (swift-6.10-RELEASE)"'
run_setup
expect "libtorch fetched" downloads_are 1

case_named "another kind of machine"
program uname 'echo "Linux aarch64"'
run_setup
expect_failure "this is Linux aarch64, but simclr builds on Linux x86_64 only"

case_named "a processor of long ago"
echo "flags		: fpu sse2 avx bmi1 abm" >"$folder/cpuinfo"
run_setup SETUP_CPUINFO="$folder/cpuinfo"
expect_failure "this processor lacks avx2 bmi2 f16c fma movbe: simclr needs one of x86-64-v3"

case_named "first run fetches, links, and says ready"
run_setup
expect_ready
expect "a link to the cache" is_link_to "$folder/checkout/.libtorch" "$cache/simclr/libtorch-2.11.0/torch"
name="second run keeps what is there"
run_setup
expect_ready
expect "one download" downloads_are 1
name="another clone shares the cache"
rm "$folder/checkout/.libtorch"
run_setup
expect_ready
expect "one download" downloads_are 1
name="a link to nowhere is mended"
ln -sfn "$folder/gone" "$folder/checkout/.libtorch"
run_setup
expect_ready
name="a cache that lost a library is fetched anew"
rm "$cache/simclr/libtorch-2.11.0/torch/lib/libtorch_cpu.so"
run_setup
expect_ready
expect "two downloads" downloads_are 2

case_named "a foreign folder named .libtorch"
mkdir "$folder/checkout/.libtorch"
run_setup
expect_failure "is no link and no libtorch 2.11.0: move it away"

case_named "a missing package without apt-get"
rm "$bin/git"
run_setup
expect_failure "no apt-get here: install what Debian calls git"

case_named "a missing package with apt-get"
rm "$bin/git"
program sudo 'exec "$@"'
program apt-get "echo \"apt-get \$*\" >>'$folder/apt'; [[ \$1 == update ]] || touch '$bin/git' && chmod +x '$bin/git'"
run_setup
expect_ready
expect "only that package asked for" grep -q 'install .*--no-install-recommends git$' "$folder/apt"

case_named "apt-get that cannot install"
rm "$bin/git"
program sudo 'exec "$@"'
program apt-get 'echo "E: Unable to locate package git" >&2; exit 100'
run_setup
expect_failure "apt-get could not install git; its words are in $cache/simclr/setup.log"
expect "apt's words in the log" grep -q 'Unable to locate' "$cache/simclr/setup.log"

case_named "no network"
real_python=$(PATH=$PATH:/usr/bin command -v python3)
if "$real_python" -m pip --version >/dev/null 2>&1; then
  program python3 "export PATH='$PATH' HOME='$HOME'; exec '$real_python' \"\$@\""
  run_setup PIP_CONFIG_FILE=/dev/null PIP_INDEX_URL=http://127.0.0.1:9 PIP_FIND_LINKS= PIP_RETRIES=1
  expect_failure "cannot reach PyPI for libtorch: check the network"
  expect "nothing half-finished left" test ! -e "$cache/simclr/libtorch-2.11.0.partial"
  name="a rerun with network recovers"
  program python3 "$(declare -f make_libtorch)
    [[ \$3 == --version ]] || make_libtorch '$cache/simclr/libtorch-2.11.0.partial/wheels/torch' 2.11.0"
  run_setup
  expect_ready
else
  echo "  skipped: $name (this machine has no pip)"
fi

case_named "an index without the wheel"
program python3 '[[ $3 == --version ]] || { echo "ERROR: No matching distribution found for torch==2.11.0" >&2; exit 1; }'
run_setup
expect_failure "pip could not fetch libtorch: ERROR: No matching distribution found for torch==2.11.0"

case_named "a download with another SHA-256"
program python3 '[[ $3 == --version ]] || { echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1; }'
run_setup
expect_failure "what PyPI sent is not the libtorch that was asked for (its SHA-256 differs): run this again"

case_named "pip settings that contradict setup"
sed -i '2i [[ $3 == --version || $PIP_USER$PIP_REQUIRE_VIRTUALENV == 00 ]] || exit 1' "$bin/python3"
run_setup PIP_USER=1 PIP_REQUIRE_VIRTUALENV=1
expect_ready

case_named "a download that was killed"
mkdir -p "$cache/simclr/libtorch-2.11.0.partial/wheels/torch/lib"
echo rest >"$cache/simclr/libtorch-2.11.0.partial/wheels/torch/half"
run_setup
expect_ready
expect "no trace of the first download" test ! -e "$cache/simclr/libtorch-2.11.0/torch/half"
expect "no partial folder" test ! -e "$cache/simclr/libtorch-2.11.0.partial"

case_named "a download that lacks the library"
program python3 'while (($# > 0)); do [[ $1 == --target ]] && mkdir -p "$2/torch"; shift; done'
run_setup
expect_failure "the downloaded wheels are not libtorch 2.11.0"
expect "nothing under the final name" test ! -e "$cache/simclr/libtorch-2.11.0"

case_named "two clones at once"
mkdir -p "$folder/other/Scripts"
cp "$setup" "$folder/other/Scripts/"
ln -s /usr/bin/sleep "$bin/sleep"
sed -i '2i [[ $3 == --version ]] || sleep 1' "$bin/python3"
env PATH="$bin" HOME="$folder" XDG_CACHE_HOME="$cache" "$folder/other/Scripts/setup.sh" >"$folder/other.log" 2>&1 &
other=$!
run_setup
expect_ready
expect "the other to be ready too" wait "$other"
expect "one download" downloads_are 1
expect "one of them waited" grep -q 'waiting for another setup' <(echo "$output"; cat "$folder/other.log")

case_named "a cache that cannot be written"
rmdir "$cache"
touch "$cache"
run_setup
expect_failure "cannot write to $cache/simclr: free some space or set XDG_CACHE_HOME"

case_named "a disk too small"
mounted=$folder/small
mkdir "$mounted"
if mount -t tmpfs -o size=8m tmpfs "$mounted" 2>/dev/null; then
  cache=$mounted
  run_setup
  expect_failure "libtorch needs 2500 MB in $mounted/simclr, which has 8 MB free: make room or set XDG_CACHE_HOME"
  name="a disk that fills up meanwhile"
  mount -o remount,size=3g "$mounted"
  ln -s /usr/bin/fallocate "$bin/fallocate"
  program python3 '[[ $3 == --version ]] || fallocate --length 4G "$TMPDIR/wheel"'
  run_setup
  expect_failure "the disk filled up while libtorch was unpacked in $mounted/simclr: make room"
  expect "the room is free again" test ! -e "$mounted/simclr/libtorch-2.11.0.partial"
  umount "$mounted"
else
  echo "  skipped: $name (mounting a small file system needs root)"
fi
mounted=

case_named "LIBTORCH given"
make_libtorch "$folder/mine" 2.11.0
run_setup LIBTORCH="$folder/mine"
expect_ready
expect "no download" downloads_are 0

case_named "LIBTORCH of another version"
make_libtorch "$folder/mine" 2.4.1
run_setup LIBTORCH="$folder/mine"
expect_failure "LIBTORCH=$folder/mine is version 2.4.1, but simclr needs 2.11.0"

case_named "LIBTORCH that is something else"
run_setup LIBTORCH="$folder"
expect_failure "LIBTORCH=$folder is not the torch folder of a torch 2.11.0 wheel"

if [[ ${1:-} == --download ]]; then
  case_named "libtorch from PyPI"
  program python3 "export PATH='$PATH' HOME='$HOME'; exec '$(command -v python3)' \"\$@\""
  run_setup
  expect_ready
fi

((failures == 0)) || { echo "$failures failed" && exit 1; }
echo "all passed"
