#!/usr/bin/env bash
# Checks everything that is cheaper than building: formatting, scripts, and that no path of one machine is in the
# repository. (Warnings are errors in every build already.)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "check: formatting"
swift format lint --strict --parallel --recursive Sources Tests Package.swift

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

echo "check: setup"
Tests/setup/setup-tests.sh
