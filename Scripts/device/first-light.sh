#!/usr/bin/env bash
# The first half hour on a machine with a GPU: is what is trained there right, and how fast is it?
#
#   Scripts/device/first-light.sh A B C D --output results [--data CIFAR10] [--photos IMAGES]
#
# A: correctness. B: a step's speed beside PyTorch's. C: loading on all cores. D: CIFAR-10, 100 epochs, evaluated. Each
# takes at most 8 minutes, prints a table and writes first-light-PART.json and .log into the folder that --output names. A
# row that fails says why, and the next one runs; the exit code is 1 where any did. Docs/FirstLight.md explains the rows.
#
#   --data, --photos ARCHIVE_OR_DIR  CIFAR-10 with train/<class>/ and test/<class>/; photographs (what is packed)
#   --program FILE                   simclr (that of the package, else .build/release/simclr)
#   --python FILE                    a Python 3.10 or newer with torch 2.11.0 and torchvision (python3)
#   --torch DIR                      the torch folder whose libraries simclr uses (that Python's)
#   --work DIR                       unpacked images and runs, which a later call goes on with (/tmp/first-light)
#   --rows REGEX                     only rows whose names match
#   --rehearse                       on a machine without a GPU: the same script, tiny, on the CPU
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
  echo "first-light: $*" >&2
  exit 2
}

python=python3 program='' torch='' work=${TMPDIR:-/tmp}/first-light data='' photos='' passed=() rehearses=
while (($# > 0)); do
  case $1 in
    --python | --program | --torch | --work | --data | --photos)
      [[ -n ${2:-} ]] || fail "$1 needs a value"
      declare "${1#--}=$2"
      shift 2
      ;;
    --rehearse)
      rehearses=1
      passed+=("$1")
      shift
      ;;
    -h | --help)
      sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *)
      passed+=("$1")
      shift
      ;;
  esac
done

command -v "$python" >/dev/null || fail "there is no $python: give --python a Python with torch"
mkdir -p "$work"

# What Scripts/device/pack.sh made: this folder itself, or the archive that came with the checkout, unpacked once.
package=$root
if [[ -z $program && ! -x $root/bin/simclr && ! -x $root/.build/release/simclr ]]; then
  archive=$root/.build-device/simclr-device.tar.xz
  [[ -e $archive ]] || fail "no simclr: build it, carry what Scripts/device/pack.sh makes, or give --program"
  package=$work/simclr-device
  if [[ ! $package -nt $archive ]]; then
    rm -rf "$package"
    "$python" -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter="data")' "$archive" "$work"
    touch "$package"
  fi
fi
if [[ -z $program ]]; then
  program=$package/bin/simclr
  [[ -x $program ]] || program=$root/.build/release/simclr
fi
[[ -x $program ]] || fail "$program is no program"
for kind in data photos; do
  # A rehearsal draws its images: fifty thousand would take a CPU too long.
  if [[ -z ${!kind}$rehearses ]]; then
    for packed in "$package/data/$kind"{,.tar,.tar.gz,.tar.xz}; do
      [[ ! -e $packed ]] || declare "$kind=$packed"
    done
  fi
done

version=$("$python" -c 'import torch; print(torch.__version__)') || fail "$python has no torch that can be imported"
[[ $version == 2.11.0* ]] || fail "$python has torch $version, but simclr is built for 2.11.0"
[[ -n $torch ]] || torch=$("$python" -c 'import torch; print(torch.__path__[0])')
[[ -e $torch/lib/libtorch_cpu.so ]] || fail "--torch: expected a torch folder with lib/libtorch_cpu.so, got $torch"

# On a machine that others use too, threads that wait for work by turning around take it from them.
if [[ -n $rehearses ]]; then export OMP_NUM_THREADS=1; fi
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$root/Scripts/device/first_light" --program "$program" --python "$(command -v "$python")" \
  --torch "$torch" --work "$work" ${data:+--data "$data"} ${photos:+--photos "$photos"} "${passed[@]}"
