#!/usr/bin/env bash
# Proves that exported encoders are torchvision's and timm's networks: trains every ResNet, and of each other family some, for a
# few steps, exports them, and has the real ones load the files with strict=True and compute the same features; and reads files as
# they publish them.
# `make interop` builds simclr first.
#
# PyTorch goes into an environment of its own in the user's cache, once, without the CUDA libraries.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly torch_version=2.11.0 timm_version=1.0.22
simclr=$PWD/.build/release/simclr
cache=${XDG_CACHE_HOME:-$HOME/.cache}/simclr
environment=$cache/interop-torch-$torch_version-timm-$timm_version-cpu
log=$cache/interop.log
image_size=64 # the images' own size too, so that nobody resizes

fail() {
  echo "interop: $*" >&2
  exit 1
}

# The environment counts as there once its marker is; without the marker, it is made anew.
install_torchvision() {
  mkdir -p "$cache"
  exec 9>"$environment.lock"
  flock 9
  if [[ ! -e $environment/complete ]]; then
    echo "installing PyTorch, torchvision and timm into $environment (1.6 GB, once per user; progress in $log)"
    rm -rf "$environment"
    local python=python3
    "$python" -m pip --version >/dev/null 2>&1 || python=/usr/bin/python3
    "$python" -m pip --version >/dev/null 2>&1 || fail "no pip: install the package python3-pip, then run this again"
    # Without a pip of its own the environment needs no package python3-venv; the pip outside fills it.
    "$python" -m venv --without-pip "$environment" >"$log" 2>&1 ||
      fail "cannot make a Python environment: $(tail -n 1 "$log")"
    mkdir "$environment/temporary"
    {
      install --no-deps torch==$torch_version torchvision==0.26.0 timm==$timm_version \
        nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85 nvidia-nvshmem-cu13==3.4.5 &&
        install safetensors numpy pillow pyyaml huggingface-hub typing-extensions filelock sympy networkx jinja2 fsspec
    } >>"$log" 2>&1 || explain_failed_install
    { "$environment/bin/python" Scripts/cuda_stand_ins.py &&
      "$environment/bin/python" -c 'import torchvision, timm'; } >>"$log" 2>&1 ||
      fail "PyTorch does not start without CUDA libraries: $(tail -n 1 "$log"); details in $log"
    rm -rf "$environment/temporary"
    touch "$environment/complete"
  fi
  exec 9>&-
}

# install ARGUMENT…: what pip is to put into the environment
install() {
  TMPDIR=$environment/temporary PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 \
    "$python" -m pip --python "$environment/bin/python" install \
    --only-binary=:all: --no-cache-dir --disable-pip-version-check --no-input "$@"
}

explain_failed_install() {
  if grep -qi 'no space left\|disk quota exceeded' "$log"; then
    fail "the disk filled up in $cache (2.5 GB are needed meanwhile): make room or set XDG_CACHE_HOME, then run this again"
  elif grep -qi 'connection\|name resolution\|timed out\|unreachable\|proxy' "$log"; then
    fail "cannot reach PyPI: check the network (or PIP_INDEX_URL), then run this again; details in $log"
  fi
  fail "pip could not install torchvision: $(grep -i '^ERROR' "$log" | tail -n 1); details in $log"
}

# train_and_export NAME [KEY=VALUE …]: writes NAME.safetensors (weights) and NAME-features.safetensors
train_and_export() {
  local name=$1
  shift
  echo "training and exporting $name"
  "$simclr" pretrain "$scratch/interop.yaml" "$@" --output "$scratch/$name" >"$scratch/$name.log" 2>&1 &&
    "$simclr" export "$scratch/$name" --output "$scratch/$name.safetensors" >>"$scratch/$name.log" 2>&1 &&
    "$simclr" embed "$scratch/$name" --data "$scratch/images" --split test --device cpu \
      --output "$scratch/$name-features.safetensors" >>"$scratch/$name.log" 2>&1 ||
    fail "simclr failed for $name: $(tail -n 2 "$scratch/$name.log")"
  rm -rf "${scratch:?}/$name"
}

[[ -x $simclr ]] || fail "no $simclr: run make interop, which builds it"
install_torchvision

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$simclr" data shapes "$scratch/images" --train 200 --test 40 --size "$image_size"
cat >"$scratch/interop.yaml" <<YAML
data: { path: $scratch/images }
augmentation: { image_size: $image_size, blur_probability: 0 }
encoder: { architecture: resnet18, width: 1, stem: imagenet }
projection_head: { hidden_dimension: 64, output_dimension: 32 }
optimizer: { name: sgd, learning_rate: 0.01, learning_rate_scaling: none }
schedule: { warmup_epochs: 0 }
training: { global_batch_size: 8, epochs: 1, maximum_steps: 3, precision: fp32, device: cpu }
output: { keep_checkpoints: 1 }
YAML

# Three steps leave BatchNorm's running statistics near their first values, with which a deep network of ordinary first
# weights blows features up to 1e14. Blocks that start as identities keep them at an ordinary size, where 1e-4 means
# something; the high learning rate gives every block a part in the features all the same.
train_and_export resnet18
for architecture in resnet34 resnet50 resnet101 resnet152; do
  train_and_export $architecture encoder.architecture=$architecture \
    encoder.zero_initialize_residuals=true optimizer.learning_rate=0.3
done
train_and_export seresnet50 encoder.architecture=seresnet50 encoder.zero_initialize_residuals=true optimizer.learning_rate=0.3
train_and_export resnext50_32x4d encoder.architecture=resnext50_32x4d encoder.zero_initialize_residuals=true optimizer.learning_rate=0.3
train_and_export wide_resnet50_2 encoder.architecture=wide_resnet50_2 encoder.zero_initialize_residuals=true optimizer.learning_rate=0.3
train_and_export vit_tiny encoder.architecture=vit_tiny encoder.stem=auto encoder.patch_size=16 encoder.stochastic_depth=0.1
train_and_export vit_small-mean encoder.architecture=vit_small encoder.stem=auto encoder.patch_size=8 encoder.pooling=mean \
  encoder.positions=sincos encoder.freeze_patch_projection=true
train_and_export convnext_tiny encoder.architecture=convnext_tiny encoder.stochastic_depth=0.1
train_and_export efficientnet_b0 encoder.architecture=efficientnet_b0
train_and_export efficientnet_b5 encoder.architecture=efficientnet_b5
train_and_export resnet18-slim encoder.width=0.25 encoder.stem=cifar
train_and_export resnet50-slim encoder.architecture=resnet50 encoder.width=0.5 \
  encoder.zero_initialize_residuals=true optimizer.learning_rate=0.3

"$environment/bin/python" Scripts/interop.py "$scratch" "$scratch/images/test"

# The other way: files as torchvision and timm publish them, classifier included, are read here.
mkdir "$scratch/published"
"$environment/bin/python" Scripts/interop_published.py write "$scratch/published" "$scratch/images/test"
for file in "$scratch"/published/*; do
  architecture=$(basename "${file%.*}")
  "$simclr" embed "$file" --architecture "$architecture" --image-size "$image_size" --data "$scratch/images" --split test \
    --device cpu --output "$scratch/published/$architecture-published-features.safetensors" 2>"$scratch/published.log" ||
    fail "simclr does not read $(basename "$file"): $(tail -n 2 "$scratch/published.log")"
done
"$environment/bin/python" Scripts/interop_published.py compare "$scratch/published" "$scratch/images/test"
