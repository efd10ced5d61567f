#!/usr/bin/env bash
# Builds libCTorchCUDA.so, which carries exchanges between GPUs over NCCL and has kernels of our own, beside the
# program:
#
#   Scripts/build-cuda.sh [FOLDER]        FOLDER: .build/release
#
# It needs no GPU. Headers of CUDA and NCCL come from CUDA_HEADERS (the `nvidia` folder of a Python installation with
# PyTorch) where that has all of them, else from PyPI's wheels, kept in ~/.cache/simclr/cuda-headers. The libraries
# themselves are found when the program runs, beside a complete libtorch.
#
# The kernels need CUDA 13's compiler: that of CUDA_HOME, else nvcc in PATH, else PyPI's, kept in
# ~/.cache/simclr/cuda-compiler. Where none can be had, or with SIMCLR_CUDA_KERNELS=0, they are left out, and the
# program uses libtorch's operations.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

output=${1:-.build/release}
libtorch=${LIBTORCH:-.libtorch}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/simclr/cuda-headers
# Those of the libtorch that Scripts/setup.sh fetches: CUDA 13.0.
wheels=('nvidia-nccl-cu13==2.28.9' 'nvidia-cuda-runtime==13.0.96' 'nvidia-cuda-crt==13.0.*' 'nvidia-cuda-cccl==13.0.*'
  'nvidia-cublas==13.1.0.3' 'nvidia-cusparse==12.6.3.3' 'nvidia-cusolver==12.0.4.66')
compiler_cache=${XDG_CACHE_HOME:-$HOME/.cache}/simclr/cuda-compiler
compiler_wheels=('nvidia-cuda-nvcc==13.0.*' 'nvidia-nvvm==13.0.*' 'nvidia-cuda-crt==13.0.*' 'nvidia-cuda-runtime==13.0.96'
  'nvidia-cuda-cccl==13.0.*')
# What CUDA 13's libtorch has kernels for. Code of one runs on later ones of the same generation (8.6 on 8.9), and the
# last as PTX on what is to come.
architectures=(75 80 86 90 100 120)

fail() {
  echo "build-cuda: $*" >&2
  exit 1
}

has_headers() {
  [[ -f $1/nccl/include/nccl.h && -f $1/cu13/include/cuda_runtime_api.h && -f $1/cu13/include/crt/host_defines.h &&
    -d $1/cu13/include/cccl/cuda && -f $1/cu13/include/cublas_v2.h && -f $1/cu13/include/cusparse.h &&
    -f $1/cu13/include/cusolverDn.h ]]
}

# download WHEEL FOLDER [PATTERN]: unpacks what matches of a wheel into FOLDER.
download() {
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_18_x86_64 \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2010_x86_64 \
    --platform manylinux_2_12_x86_64 --dest "$scratch" "$1" || return
  unzip -qo "$scratch"/*.whl "${3:-*}" -d "$2" || return
  rm "$scratch"/*.whl
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Only headers are kept: the libraries in these wheels take gigabytes.
fetch_headers() {
  local wheel
  echo "build-cuda: fetching the headers of CUDA and NCCL from PyPI into $cache, once"
  for wheel in "${wheels[@]}"; do
    download "$wheel" "$scratch/headers" '*/include/*' ||
      fail "cannot download $wheel: is PyPI reachable, and is pip installed?"
  done
  mkdir -p "$cache"
  cp -R "$scratch/headers/nvidia" "$cache/"
}

fetch_compiler() {
  local wheel
  echo "build-cuda: fetching CUDA's compiler from PyPI into $compiler_cache, once"
  for wheel in "${compiler_wheels[@]}"; do download "$wheel" "$scratch/compiler" || return; done
  chmod -R u+x "$scratch"/compiler/nvidia/cu13/{bin,nvvm/bin}
  mkdir -p "$compiler_cache"
  cp -R "$scratch/compiler/nvidia" "$compiler_cache/"
}

is_compiler() { [[ -x $1 ]] && "$1" --version 2>/dev/null | grep -q 'release 13\.'; }

# Prints where CUDA 13's compiler is.
find_compiler() {
  local fetched=$compiler_cache/nvidia/cu13/bin/nvcc candidate
  for candidate in "${CUDA_HOME:+$CUDA_HOME/bin/nvcc}" "$(command -v nvcc || true)" "$fetched"; do
    if is_compiler "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fetch_compiler >&2 && is_compiler "$fetched" && echo "$fetched"
}

[[ -d $libtorch/include ]] || fail "no libtorch at $libtorch: run \`make setup\`, or set LIBTORCH"
headers=${CUDA_HEADERS:-$cache/nvidia}
has_headers "$headers" || headers=$cache/nvidia
has_headers "$headers" || fetch_headers
has_headers "$headers" || fail "the wheels lack headers that were expected in $headers"

compiler=${CXX:-$(command -v clang++ || command -v g++)} || fail "neither clang++ nor g++ was found"
mkdir -p "$output"
library=$output/libCTorchCUDA.so
symbols=(ctorch_cuda_libtorch_version ctorch_cuda_nccl_backend)
sources=(Sources/CTorchCUDA/nccl.cpp)
kernels=()

# CUDA's compiler knows g++ and clang++ up to versions of its own time; Swift's clang++ is newer, and works.
compile_kernels() {
  local nvcc=$1 code=() architecture last=${architectures[-1]}
  for architecture in "${architectures[@]}"; do
    code+=(-gencode "arch=compute_$architecture,code=sm_$architecture")
  done
  code+=(-gencode "arch=compute_$last,code=compute_$last")
  "$nvcc" -ccbin "$(command -v g++ || echo "$compiler")" -allow-unsupported-compiler -std=c++20 -O3 --threads 2 \
    -Xcompiler -fPIC,-Wall,-Wextra,-Werror,-Wno-unused-function,-fvisibility=hidden "${code[@]}" \
    -c Sources/CTorchCUDA/batch_norm.cu -o "$scratch/batch_norm.o" || return
  # The one that libtorch brings.
  local folder
  for folder in "$libtorch/lib" "$libtorch/../nvidia/cu13/lib" "$(dirname "$nvcc")/../lib"{,64}; do
    [[ -e $folder/libcudart.so.13 ]] && break
  done
  kernels=("$scratch/batch_norm.o" "-L$folder" -l:libcudart.so.13)
  sources+=(Sources/CTorchCUDA/kernels.cpp)
  symbols+=(ctorch_cuda_batch_norm_kernels)
}

state="left out: no compiler of CUDA 13 was found"
if [[ ${SIMCLR_CUDA_KERNELS:-1} == 0 ]]; then
  state="left out, as asked"
elif nvcc=$(find_compiler); then
  compile_kernels "$nvcc" || fail "$nvcc could not compile the kernels; SIMCLR_CUDA_KERNELS=0 leaves them out"
  state="built for compute capabilities ${architectures[*]}"
fi

"$compiler" -std=c++20 -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden \
  -DUSE_DISTRIBUTED -DUSE_C10D_NCCL \
  -isystem "$libtorch/include" -isystem "$libtorch/include/torch/csrc/api/include" \
  -isystem "$headers/nccl/include" -isystem "$headers/cu13/include" -isystem "$headers/cu13/include/cccl" \
  "${sources[@]}" ${kernels[@]+"${kernels[@]}"} -o "$library.partial" \
  -L"$libtorch/lib" -ltorch_cuda -ltorch_cpu -lc10_cuda -lc10 -Wl,-rpath,"$(realpath "$libtorch/lib")" \
  -Wl,--unresolved-symbols=ignore-in-shared-libs -Wl,--no-undefined
mv "$library.partial" "$library"

# Compiled is not enough: what CTorch asks for has to be there, and what it asks of libtorch has to be libtorch's.
exported=$(nm -D --defined-only "$library")
for symbol in "${symbols[@]}"; do
  grep -q " T $symbol\$" <<<"$exported" || fail "$library does not export $symbol"
done
echo "build-cuda: $library, kernels $state"
