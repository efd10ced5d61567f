#!/usr/bin/env bash
# Packs the program for a machine that has nothing but PyTorch: no Swift, no network, another distribution.
#
#   Scripts/device/pack.sh [--data ARCHIVE] [--photos ARCHIVE] [--limit-mib N]
#
# Writes .build-device/simclr-device.tar.xz, which unpacks into simclr-device/: the program with Swift's runtime in it,
# libCTorchCUDA.so, libjpeg, libpng, libfreetype and libz, the recipes, and Scripts/device/first-light.sh, which runs it there. Libraries
# for other kinds of images, which are loaded when one is met, do not go along. libtorch is the machine's, of the same version. --data (CIFAR-10) and --photos (JPEG files) go along; of the photos, evenly, as many
# as --limit-mib leaves room for beside what git tracks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  echo "pack: $*" >&2
  exit 1
}

data='' photos='' limit_mib=''
while (($# > 0)); do
  [[ -n ${2:-} ]] || fail "$1 needs a value; usage: pack.sh [--data ARCHIVE] [--photos ARCHIVE] [--limit-mib N]"
  case $1 in
    --data) data=$2 ;;
    --photos) photos=$2 ;;
    --limit-mib) limit_mib=$2 ;;
    *) fail "unknown option $1; usage: pack.sh [--data ARCHIVE] [--photos ARCHIVE] [--limit-mib N]" ;;
  esac
  shift 2
done
for archive in "$data" "$photos"; do
  [[ -z $archive || -f $archive ]] || fail "expected an archive, but $archive is no file"
done

build=.build-device
package=$build/simclr-device
archive=$build/simclr-device.tar.xz

# Libraries that every Linux with PyTorch has, so that they need not go along.
system='^(linux-vdso|ld-linux-x86-64|libc|libm|libdl|librt|libpthread|libutil|libstdc\+\+|libgcc_s|libtorch.*|libc10.*|libgomp|libcu.*|libnccl)\.'

echo "pack: building with Swift's runtime inside"
swift build -c release --static-swift-stdlib --product simclr --scratch-path "$build"
Scripts/build-cuda.sh "$build/release"

rm -rf "$package" "$archive"
mkdir -p "$package"/{bin,lib,data}
strip -o "$package/bin/simclr" "$build/release/simclr"
strip -o "$package/bin/libCTorchCUDA.so" "$build/release/libCTorchCUDA.so"
ldd "$package/bin/simclr" | awk '$2 == "=>" { print $1, $3 }' | while read -r name path; do
  [[ $name =~ $system ]] || cp -L "$path" "$package/lib/$name"
done
[[ ! -e $package/lib/libswiftCore.so ]] || fail "the program still asks for Swift's shared runtime"
# Linked is not enough: the runtime's own initializers behave otherwise where they are part of the program.
torch=$(readlink -f "${LIBTORCH:-.libtorch}")
[[ $(LD_LIBRARY_PATH=$package/lib:$torch/lib "$package/bin/simclr" doctor --json) == {* ]] ||
  fail "the packed program does not do what it is asked"
"${CC:-$(command -v clang || command -v gcc)}" -O1 -shared -fPIC Scripts/device/count-cuda-calls.c \
  -o "$package/lib/libcount-cuda-calls.so" -ldl
git describe --always --dirty >"$package/COMMIT"
cp --parents -R Scripts/device Scripts/interop.py Benchmarks/peers Configurations LICENSE "$package"
find "$package" -name __pycache__ -prune -exec rm -rf {} +

# with_suffix FILE NAME: NAME with all suffixes of an archive's name
with_suffix() { [[ $1 =~ (\.tar)?(\.[a-z]+)$ ]] && echo "$2${BASH_REMATCH[0]}"; }

compress() { tar --sort=name --owner=0 --group=0 -C "$build" -cf - simclr-device | xz -T0 -6 >"$archive"; }

if [[ -n $data ]]; then cp "$data" "$package/data/$(with_suffix "$data" data)"; fi
if [[ -n $photos ]]; then
  # What they may take is known once all else is packed.
  compress
  room=$(stat -c %s "$photos")
  if [[ -n $limit_mib ]]; then
    tracked=$(git ls-files -z | xargs -0 stat -c %s | awk '{ sum += $1 } END { print sum }')
    room=$((limit_mib * 1048576 - tracked - $(stat -c %s "$archive") - 1048576))
  fi
  ((room > 0)) || fail "there is no room for photos in $limit_mib MiB"
  python3 - "$photos" "$package/data/photos.tar" "$room" <<'PYTHON'
import sys, tarfile

source, target, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
with tarfile.open(source) as archive:
    files = [member for member in archive if member.isfile()]
    sizes = [(member.size + 1023) // 512 * 512 for member in files]
    count = len(files)
    while count > 0:
        chosen = [i * len(files) // count for i in range(count)]
        if sum(sizes[i] for i in chosen) + 10240 <= room:
            break
        count -= 1
    if count == 0:
        sys.exit("pack: not one photo fits")
    with tarfile.open(target, "w") as packed:
        for i in chosen:
            packed.addfile(files[i], archive.extractfile(files[i]))
print(f"pack: {count} of {len(files)} photos")
PYTHON
fi
compress

# The newest versions of the machine's own libraries that this asks for.
needed() { objdump -T "$package"/bin/* "$package"/lib/* | grep -o "$1_[0-9.]*" | sort -Vu | tail -n 1; }
echo "pack: asks for $(needed GLIBC), $(needed GLIBCXX), $(needed CXXABI)"
megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }
for part in "$package"/bin/* "$package"/lib/* "$package"/data/*; do
  [[ ! -f $part ]] || printf '%-28s %10s\n' "${part#"$package"/}" "$(megabytes "$(stat -c %s "$part")")"
done
size=$(stat -c %s "$archive")
tracked=$(git ls-files -z | xargs -0 stat -c %s | awk '{ sum += $1 } END { print sum }')
printf '%-28s %10s\n' "$archive" "$(megabytes "$size")" 'with what git tracks' "$(megabytes $((size + tracked)))"
if [[ -n $limit_mib ]] && ((size + tracked > limit_mib * 1048576)); then
  fail "that is more than $limit_mib MiB"
fi
