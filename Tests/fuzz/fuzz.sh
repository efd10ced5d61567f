#!/usr/bin/env bash
# Fuzzes what reads files from strangers; an input that crashes, hangs or takes too much memory stops it.
#
# CImageCodec: files of every kind that it reads, mutated with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer, which must
# also decode consistently. A bad input is kept; what is learned stays in .build/fuzz for the next time.
# Readers in Swift (Tests/FuzzReaders): weights as safetensors and as PyTorch saves them, their pickles, the state of a
# checkpoint, configurations.
#
#   Tests/fuzz/fuzz.sh [RUNS]           of each format; 100000 unless said
#   .build/fuzz/jpeg-fuzzer FILE        runs one input again
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly runs=${1:-100000} folder=.build/fuzz
# Beyond what the seeds need, and small enough that an input takes milliseconds.
readonly limits=(-DCIMAGECODEC_MAXIMUM_PIXELS=1000000ull -DCIMAGECODEC_MAXIMUM_SCANNED_PIXELS=40000000ull)

fail() {
  echo "fuzz: $*" >&2
  exit 1
}

# The clang that came with Swift, or the one that is installed; the first that can link libFuzzer.
find_clang() {
  local candidate
  mkdir -p "$folder"
  echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' >"$folder/probe.c"
  for candidate in "$(dirname "$(readlink -f "$(command -v swiftc || echo /)")")/clang" clang; do
    for linker in -fuse-ld=lld ""; do
      if "$candidate" -fsanitize=fuzzer,address,undefined $linker -o "$folder/probe" "$folder/probe.c" 2>/dev/null; then
        clang=$candidate
        return
      fi
    done
  done
  fail "no clang here links libFuzzer and AddressSanitizer: install Debian's packages clang and libclang-rt-14-dev"
}

build() {
  local format=$1
  "$clang" -std=gnu11 -march=x86-64-v3 -O1 -g -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=undefined $linker "-DFUZZ_${format^^}" "${limits[@]}" -ISources/CImageCodec/include \
    -o "$folder/$format-fuzzer" Tests/fuzz/decoder.c Sources/CImageCodec/*.c -ljpeg -lpng16 -lz
}

fuzz() {
  local format=$1 log=$folder/$1.log
  mkdir -p "$folder/$format-corpus" "$folder/findings"
  "$folder/$format-fuzzer" "$folder/$format-corpus" "$folder/seeds/$format" -runs="$runs" -seed=1 -max_len=20000 \
    -len_control=0 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 \
    -artifact_prefix="$folder/findings/$format-" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    fail "$format: an input failed; it is in $folder/findings, and the whole report in $log"
  }
  echo "fuzz: $format: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, no failure;" \
    "$(sed -n 's/^stat::decoded_inputs: *//p' "$log") decoded whole," \
    "at most $(sed -n 's/^stat::slowest_unit_time_sec: *//p' "$log") s each and" \
    "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MB in all"
}

fuzz_readers() {
  local kind seeds=$folder/seeds/readers program log=$folder/readers.log
  swift build -c release --product fuzz-readers >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "fuzz-readers does not build"
  }
  program=$(swift build -c release --show-bin-path)/fuzz-readers
  rm -rf "$seeds"
  mkdir -p "$seeds"
  cp Tests/TorchTests/Fixtures/{state-dict,checkpoint}.pth Tests/TorchTests/Fixtures/state-dict.safetensors \
    Tests/fuzz/state.json Configurations/*.yaml "$seeds"
  for kind in safetensors pytorch pickle state configuration; do
    if ! "$program" "$kind" "$runs" "$seeds" "$folder/at" >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      fail "$kind: input $(od -An -td8 "$folder/at" | tr -d ' ') failed; again: $program $kind 1 $seeds $folder/at NUMBER"
    fi
    echo "fuzz: $(cat "$log")"
  done
}

[[ $runs =~ ^[1-9][0-9]*$ ]] || fail "RUNS is a number of inputs, got '$runs'"
find_clang
python3 Tests/fuzz/seeds.py Tests/ImagesTests/Fixtures "$folder/seeds"
for format in jpeg png webp tiff gif bmp avif heic; do
  build "$format"
  fuzz "$format"
done
fuzz_readers
