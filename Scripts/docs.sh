#!/usr/bin/env bash
# Writes the documentation of all library modules as one static site, .build/documentation, from what the release build
# left. `make docs` builds first.
#
# Whatever docc warns of ends it, except for one thing: parameters that a comment does not describe. Here only those are
# described whose name and type do not say enough.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly built=.build/release site=.build/documentation work=.build/documentation.partial
toolchain=$(dirname "$(readlink -f "$(command -v swiftc)")")

fail() {
  echo "docs: $*" >&2
  exit 1
}

[[ -x $toolchain/docc ]] || fail "no docc beside $toolchain/swiftc: install a complete toolchain of Swift"
[[ -e $built/Modules/Torch.swiftmodule ]] || fail "nothing is built: run make docs, or swift build -c release"
rm -rf "$work"
mkdir -p "$work/archives"

# The C modules that ours import.
imports=(-I "$built/Modules")
for map in "$built"/*.build/module.modulemap {,.build/checkouts/*/}Sources/*/{,include/}module.modulemap; do
  [[ ! -e $map ]] || imports+=(-I "$(dirname "$map")")
done

# write_archive MODULE
write_archive() {
  local module=$1 graphs=$work/graphs/$1 log=$work/$1.log warnings
  [[ -e Sources/$module/$module.docc/$module.md ]] ||
    fail "Sources/$module has no overview: write Sources/$module/$module.docc/$module.md"
  mkdir -p "$graphs"
  "$toolchain/swift-symbolgraph-extract" -module-name "$module" "${imports[@]}" -target x86_64-unknown-linux-gnu \
    -module-cache-path "$work/module-cache" -minimum-access-level public -skip-synthesized-members \
    -output-dir "$graphs" 2>"$log" || fail "no symbols of $module: $(<"$log")"
  "$toolchain/docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$graphs" \
    --fallback-display-name "$module" --fallback-bundle-identifier "simclr.$module" \
    --output-dir "$work/archives/$module.doccarchive" >"$log" 2>&1 || fail "docc failed on $module: $(<"$log")"
  # Each is a line that says what, and one that says where.
  warnings=$(grep -A 1 -E '^(warning|error): ' "$log" | grep -v '^--$' | paste -d ' ' - - |
    grep -vE "Parameter '.*' is missing documentation" || true)
  [[ -z $warnings ]] || fail "docc warns of $module:"$'\n'"$warnings"
}

for sources in Sources/*/; do
  module=$(basename "$sources")
  compgen -G "$sources*.swift" >/dev/null && [[ $module != SimCLRCommand ]] || continue
  write_archive "$module"
done
"$toolchain/docc" merge "$work"/archives/*.doccarchive --output-path "$work/site" \
  --synthesized-landing-page-name simclr >"$work/merge.log" 2>&1 || fail "docc could not merge: $(<"$work/merge.log")"
rm -rf "$site"
mv "$work/site" "$site"
rm -rf "$work"
echo "docs: $site; to read it: python3 -m http.server --directory $site, then http://localhost:8000/documentation"
