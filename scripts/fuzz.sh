#!/usr/bin/env bash
# Runs every fuzz target of the module, each for the time given (default 30s), one after another.
set -euo pipefail
time=${1:-30s}
cd "$(dirname "$0")/.."
failed=0
while IFS=: read -r file target; do
  dir=./$(dirname "$file")
  echo "== $dir $target"
  go test "$dir" -run '^$' -fuzz "^${target}\$" -fuzztime "$time" || failed=1
done < <(git ls-files --cached --others --exclude-standard '*_test.go' | xargs grep -oHE '^func (Fuzz[A-Za-z0-9_]+)' | sed 's/func //' | sort)
exit "$failed"
