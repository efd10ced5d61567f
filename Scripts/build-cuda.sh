#!/usr/bin/env bash
# Builds libCTorchCUDA.so, which carries exchanges between GPUs over NCCL, beside the program:
#
#   Scripts/build-cuda.sh [FOLDER]        FOLDER: .build/release
#
# It needs no GPU. Headers of CUDA and NCCL come from CUDA_HEADERS (the `nvidia` folder of a Python installation with
# PyTorch) where that has all of them, else from PyPI's wheels, kept in ~/.cache/simclr/cuda-headers. The libraries themselves
# are found when the program runs, beside a complete libtorch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

output=${1:-.build/release}
libtorch=${LIBTORCH:-.libtorch}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/simclr/cuda-headers
# Those of the libtorch that Scripts/setup.sh fetches: CUDA 13.0.
wheels=('nvidia-nccl-cu13==2.28.9' 'nvidia-cuda-runtime==13.0.96' 'nvidia-cuda-crt==13.0.*' 'nvidia-cuda-cccl==13.0.*'
  'nvidia-cublas==13.1.0.3' 'nvidia-cusparse==12.6.3.3' 'nvidia-cusolver==12.0.4.66')

fail() {
  echo "build-cuda: $*" >&2
  exit 1
}

has_headers() {
  [[ -f $1/nccl/include/nccl.h && -f $1/cu13/include/cuda_runtime_api.h && -f $1/cu13/include/crt/host_defines.h &&
    -d $1/cu13/include/cccl/cuda && -f $1/cu13/include/cublas_v2.h && -f $1/cu13/include/cusparse.h &&
    -f $1/cu13/include/cusolverDn.h ]]
}

# Only headers are kept: the libraries in these wheels take gigabytes.
fetch_headers() {
  local wheel
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  echo "build-cuda: fetching the headers of CUDA and NCCL from PyPI into $cache, once"
  for wheel in "${wheels[@]}"; do
    python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 \
      --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_18_x86_64 \
      --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --dest "$scratch" "$wheel" ||
      fail "cannot download $wheel: is PyPI reachable, and is pip installed?"
    unzip -qo "$scratch"/*.whl '*/include/*' -d "$scratch/unpacked"
    rm "$scratch"/*.whl
  done
  mkdir -p "$cache"
  cp -R "$scratch/unpacked/nvidia" "$cache/"
}

[[ -d $libtorch/include ]] || fail "no libtorch at $libtorch: run \`make setup\`, or set LIBTORCH"
headers=${CUDA_HEADERS:-$cache/nvidia}
has_headers "$headers" || headers=$cache/nvidia
has_headers "$headers" || fetch_headers
has_headers "$headers" || fail "the wheels lack headers that were expected in $headers"

compiler=${CXX:-$(command -v clang++ || command -v g++)} || fail "neither clang++ nor g++ was found"
mkdir -p "$output"
library=$output/libCTorchCUDA.so
"$compiler" -std=c++20 -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden \
  -DUSE_DISTRIBUTED -DUSE_C10D_NCCL \
  -isystem "$libtorch/include" -isystem "$libtorch/include/torch/csrc/api/include" \
  -isystem "$headers/nccl/include" -isystem "$headers/cu13/include" -isystem "$headers/cu13/include/cccl" \
  Sources/CTorchCUDA/nccl.cpp -o "$library.partial" \
  -L"$libtorch/lib" -ltorch_cuda -ltorch_cpu -lc10_cuda -lc10 -Wl,-rpath,"$(realpath "$libtorch/lib")" \
  -Wl,--unresolved-symbols=ignore-in-shared-libs -Wl,--no-undefined
mv "$library.partial" "$library"

# Compiled is not enough: what CTorch asks for has to be there, and what it asks of libtorch has to be libtorch's.
exported=$(nm -D --defined-only "$library")
for symbol in ctorch_cuda_libtorch_version ctorch_cuda_nccl_backend; do
  grep -q " T $symbol\$" <<<"$exported" || fail "$library does not export $symbol"
done
echo "build-cuda: $library"
