#!/usr/bin/env bash
# What `make test` runs, each part with its seconds. The tests with real servers mostly wait for
# them: they run beside the others, and their output follows.
set -uo pipefail
cd "$(dirname "$0")/.."

part() {
  local began=$SECONDS code=0
  "${MAKE:-make}" --no-print-directory "$1" || code=$?
  echo "== $1: $((SECONDS - began)) s"
  return "$code"
}

part lint || exit
part types || exit
servers=$(mktemp)
trap 'rm -f "$servers"' EXIT
part servers >"$servers" 2>&1 &
beside=$!
part unit
unit=$?
wait "$beside"
code=$?
cat "$servers"
[ "$unit" -eq 0 ] || exit "$unit"
[ "$code" -eq 0 ] || exit "$code"
part wheel
