#!/usr/bin/env bash
# Prepares this machine and this checkout for building: checks processor and Swift, installs the Debian packages that are
# missing, fetches libtorch once per user and links it here as .libtorch. Run it as often as you like: what is there is
# kept.
#
#   Scripts/setup.sh                 libtorch from PyPI into ${XDG_CACHE_HOME:-~/.cache}/simclr
#   LIBTORCH=/path Scripts/setup.sh  with the `torch` folder of a wheel that is already on the machine
set -euo pipefail

readonly libtorch_version=2.11.0
readonly oldest_swift=6.1 # the tools version of Package.swift
readonly swift_site=https://www.swift.org/install/linux
readonly needed_megabytes=2500 # the wheels, and them unpacked
readonly wheels=(
  "torch==$libtorch_version --hash=sha256:0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756"
  "nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"
  "nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"
)

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
user_cache=${XDG_CACHE_HOME:-${HOME:?setup needs HOME or XDG_CACHE_HOME}/.cache}
cache=$user_cache/simclr
libtorch_cache=$cache/libtorch-$libtorch_version
log=$cache/setup.log
readonly make_room="make room or set XDG_CACHE_HOME, then run this again"

main() {
  check_platform
  check_processor
  check_swift
  install_packages $(missing_packages)
  find_libtorch
  echo "ready: Swift $swift_version, libtorch $libtorch_version in $libtorch"
}

fail() {
  echo "setup: $*" >&2
  exit 1
}

check_platform() {
  local platform
  platform=$(uname -sm)
  [[ $platform == "Linux x86_64" ]] || fail "this is $platform, but simclr builds on Linux x86_64 only"
}

# What simclr is compiled for, by the kernel's names: abm is LZCNT.
check_processor() {
  local flags instruction missing=()
  flags=" $(sed -n 's/^flags[[:space:]]*: //p' "${SETUP_CPUINFO:-/proc/cpuinfo}" | head -n 1) "
  for instruction in avx avx2 bmi1 bmi2 f16c fma abm movbe; do
    [[ $flags == *" $instruction "* ]] || missing+=("$instruction")
  done
  ((${#missing[@]} == 0)) ||
    fail "this processor lacks ${missing[*]}: simclr needs one of x86-64-v3 (Intel since Haswell, AMD since Zen)"
}

check_swift() {
  command -v swift >/dev/null ||
    fail "no swift in PATH: install Swift $oldest_swift or newer ($swift_site), then run this again"
  local report
  report=$(swift --version 2>&1) || fail "swift does not run: ${report%%$'\n'*}"
  swift_version=$(sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' <<<"$report" | head -n 1)
  [[ -n $swift_version ]] || fail "cannot tell the version of $(command -v swift), which says: ${report%%$'\n'*}"
  is_at_least "$oldest_swift" "$swift_version" ||
    fail "Swift $swift_version is too old: install Swift $oldest_swift or newer ($swift_site), then run this again"
}

# is_at_least LOWEST VERSION
is_at_least() {
  [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

# Asks for files rather than for packages, so that it holds on any distribution.
missing_packages() {
  has_header jpeglib.h || echo libjpeg-dev
  has_header png.h || echo libpng-dev
  # Of these the program needs only headers; it runs without the libraries, and names them where their images are met.
  has_header webp/decode.h || echo libwebp-dev
  has_header tiffio.h || echo libtiff-dev
  has_header gif_lib.h || echo libgif-dev
  has_header avif/avif.h || echo libavif-dev
  has_header libheif/heif.h || echo libheif-dev
  has_header freetype2/ft2build.h || echo libfreetype-dev
  has_plain_font || echo fonts-dejavu-core
  has_header zlib.h || echo zlib1g-dev
  has_header openssl/hmac.h || echo libssl-dev
  # libtorch holds gloo, but not its headers.
  has_header gloo/context.h || echo libgloo-dev
  compgen -G '/usr/include/c++/*/vector' >/dev/null || echo g++
  command -v git >/dev/null || echo git
  has_header curl/curl.h || echo libcurl4-openssl-dev
  [[ -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt ]] || echo ca-certificates
  is_libtorch "${LIBTORCH:-$checkout/.libtorch}" || is_libtorch "$libtorch_cache/torch" ||
    find_pip >/dev/null || echo python3-pip
}

has_header() {
  compgen -G "/usr/include/$1" >/dev/null || compgen -G "/usr/include/*/$1" >/dev/null ||
    compgen -G "/usr/local/include/$1" >/dev/null
}

# One of those that pictures are labeled in.
has_plain_font() {
  local folder name
  for folder in /usr/local/share/fonts /usr/share/fonts; do
    for name in DejaVuSans.ttf LiberationSans-Regular.ttf NotoSans-Regular.ttf; do
      ! compgen -G "$folder/$name" >/dev/null && ! compgen -G "$folder/*/$name" >/dev/null &&
        ! compgen -G "$folder/*/*/$name" >/dev/null || return 0
    done
  done
  return 1
}

# Prints a Python that has pip; Debian's own one is asked too, for the pip that apt installs belongs to it.
find_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      echo "$python"
      return
    fi
  done
  return 1
}

install_packages() {
  (($# > 0)) || return 0
  command -v apt-get >/dev/null ||
    fail "no apt-get here: install what Debian calls $*, then run this again"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "missing packages; as root, run: apt-get install $*"
    as_root=(sudo)
  fi
  open_log
  echo "installing the Debian packages $*"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
  # A list that cannot be renewed may still be good enough: installing decides.
  "${apt[@]}" update >>"$log" 2>&1 || true
  "${apt[@]}" install -y --no-install-recommends "$@" >>"$log" 2>&1 ||
    fail "apt-get could not install $*; its words are in $log"
  local still_missing
  still_missing=$(missing_packages | tr '\n' ' ')
  [[ -z $still_missing ]] || fail "still missing after apt-get: $still_missing(see $log)"
}

open_log() {
  mkdir -p "$cache" 2>/dev/null && { : >"$log"; } 2>/dev/null ||
    fail "cannot write to $cache: free some space or set XDG_CACHE_HOME to a folder of yours"
}

# is_libtorch FOLDER: whether it is the `torch` folder of a complete wheel of our version
is_libtorch() {
  [[ $(version_of "$1") == "$libtorch_version" && -e $1/lib/libtorch_cpu.so && -e $1/lib/libc10.so ]]
}

# Prints the version without the build tag: 2.11.0 for 2.11.0+cu130.
version_of() {
  [[ -r $1/version.py ]] && sed -n "s/^__version__ = '\([0-9.]*\).*/\1/p" "$1/version.py"
}

find_libtorch() {
  if [[ -n ${LIBTORCH:-} ]]; then
    libtorch=$LIBTORCH
    check_given_libtorch
  elif is_libtorch "$checkout/.libtorch"; then
    libtorch=$(readlink -f "$checkout/.libtorch")
  else
    is_libtorch "$libtorch_cache/torch" || fetch_libtorch
    [[ -L $checkout/.libtorch || ! -e $checkout/.libtorch ]] ||
      fail "$checkout/.libtorch is no link and no libtorch $libtorch_version: move it away, then run this again"
    libtorch=$libtorch_cache/torch
    ln -sfn "$libtorch" "$checkout/.libtorch"
  fi
}

check_given_libtorch() {
  is_libtorch "$LIBTORCH" && return
  local found
  found=$(version_of "$LIBTORCH" || true)
  [[ -z $found || $found == "$libtorch_version" ]] ||
    fail "LIBTORCH=$LIBTORCH is version $found, but simclr needs $libtorch_version: unset LIBTORCH to have it fetched"
  fail "LIBTORCH=$LIBTORCH is not the torch folder of a torch $libtorch_version wheel (version.py, lib/libtorch_cpu.so)"
}

# One setup at a time downloads; others wait for it and find its result. An unfinished download is started anew, and the
# folder appears under its final name only when it is whole.
fetch_libtorch() {
  open_log
  exec 9>"$libtorch_cache.lock"
  if ! flock --nonblock 9; then
    echo "waiting for another setup, which is fetching libtorch"
    flock 9
  fi
  if ! is_libtorch "$libtorch_cache/torch"; then
    local partial=$libtorch_cache.partial
    rm -rf "$partial" "$libtorch_cache"
    check_free_space
    download_wheels "$partial"
    mv "$partial/wheels" "$libtorch_cache"
    rm -rf "$partial"
  fi
  exec 9>&-
}

check_free_space() {
  local free_megabytes
  free_megabytes=$(df --output=avail --block-size=1M "$cache" | tail -n 1 | tr -d ' ')
  ((free_megabytes >= needed_megabytes)) ||
    fail "libtorch needs $needed_megabytes MB in $cache, which has $free_megabytes MB free: $make_room"
}

download_wheels() {
  local partial=$1 python platforms=(--platform manylinux2014_x86_64) glibc
  # Wheels are tagged with the glibc they were built for: any up to Debian 10's will do.
  for glibc in {17..28}; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
  python=$(find_pip) || fail "no pip: install the package python3-pip, then run this again"
  mkdir -p "$partial/temporary"
  echo "fetching libtorch $libtorch_version from PyPI (530 MB, once per user) into $cache"
  # pip unpacks in TMPDIR first, which may be small; beside the result it is moved rather than copied.
  # The user's own PIP_USER and PIP_REQUIRE_VIRTUALENV would have pip refuse --target.
  TMPDIR=$partial/temporary PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 \
    "$python" -m pip install --target "$partial/wheels" --no-deps --only-binary=:all: \
    --python-version 3.12 "${platforms[@]}" --no-cache-dir --disable-pip-version-check --no-input \
    --require-hashes --requirement <(printf '%s\n' "${wheels[@]}") >"$log" 2>&1 || explain_failed_download "$partial"
  is_libtorch "$partial/wheels/torch" ||
    fail "the downloaded wheels are not libtorch $libtorch_version; pip's words are in $log"
}

explain_failed_download() {
  rm -rf "$1"
  if grep -qi 'no space left\|disk quota exceeded' "$log"; then
    fail "the disk filled up while libtorch was unpacked in $cache: $make_room"
  elif grep -q 'DO NOT MATCH THE HASHES' "$log"; then
    fail "what PyPI sent is not the libtorch that was asked for (its SHA-256 differs): run this again; details in $log"
  elif grep -qi 'connection\|name resolution\|timed out\|unreachable\|proxy' "$log"; then
    fail "cannot reach PyPI for libtorch: check the network (or PIP_INDEX_URL), then run this again; details in $log"
  fi
  fail "pip could not fetch libtorch: $(grep -i '^ERROR' "$log" | tail -n 1); details in $log"
}

main
