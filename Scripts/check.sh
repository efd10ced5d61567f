#!/usr/bin/env bash
# Checks everything that is cheaper than building: formatting, scripts, that no path of one machine is in the
# repository, and that it has one version. (Warnings are errors in every build already.)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "check: formatting"
swift format lint --strict --parallel --recursive Sources Tests Examples Package.swift

echo "check: scripts"
git ls-files -z '*.sh' .ci/run | xargs -0 --no-run-if-empty --max-args=1 bash -n
git ls-files -z '*.py' | xargs -0 --no-run-if-empty python3 -c '
import ast, sys
for path in sys.argv[1:]: ast.parse(open(path, encoding="utf-8").read(), path)'

echo "check: no path of one machine"
if git grep --line-number --extended-regexp '(^|[^[:alnum:]_.~*-])/(work|root|home/[a-z]+)/' -- . ':!LICENSE'; then
  echo "check: these lines name a folder that only one machine has" >&2
  exit 1
fi

echo "check: lower floors speak of no key and no flag"
keys=$(awk -F'`' '/^## `/ { section = $2 } /^\| `/ { printf "%s%s\\.%s", separator, section, $2; separator = "|" }' \
  Docs/Configuration.md)
flags='--(processes|nodes|node-rank|rendezvous|max-restarts|resume|output|from)\b|simclr [a-z]'
floors=(Errors Torch TorchNN TorchDistributed Launching Randomness Images DataSets Augmentation Loading Encoders Methods Keys)
if git grep --line-number --extended-regexp "\"[^\"]*(($keys)\b|$flags)" -- "${floors[@]/#/Sources/}" ':!*.docc' |
  grep --invert-match --extended-regexp '^[^:]*:[0-9]*: *///?'; then
  echo "check: these lines name keys or flags; name a Setting, to which Pretraining and SimCLRCommand give its name" >&2
  exit 1
fi

echo "check: the ways through the code that Docs/Architecture.md tells of"
sed -n 's/^| [0-9]* | `\([^`]*\)` `\([^`]*\)` |.*/\1 \2/p' Docs/Architecture.md | while read -r file function; do
  if ! grep --quiet --extended-regexp "(func )?$function[(<]" "Sources/$file"; then
    echo "check: Docs/Architecture.md: Sources/$file has no $function" >&2
    exit 1
  fi
done

echo "check: one version"
version=$(sed -n 's/.*static let current = "\(.*\)"/\1/p' Sources/Pretraining/SimCLRVersion.swift)
newest=$(sed -n '/^## \[[0-9]/{s/^## \[\([^]]*\)\].*/\1/p;q}' CHANGELOG.md)
if [[ -z $version || $version != "$newest" ]]; then
  echo "check: SimCLRVersion.swift says '$version', but the newest version in CHANGELOG.md is '$newest'" >&2
  exit 1
fi

echo "check: setup"
Tests/setup/setup-tests.sh
