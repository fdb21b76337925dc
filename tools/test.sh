#!/usr/bin/env bash
# What `make test` runs, each part with its seconds. The tests with sockets and servers mostly wait:
# they run beside the others, and their output follows.
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
long="tests/feed/liveness/test_monitor.py tests/worker/test_replan.py tests/worker/test_handover.py" # half of the waiting
others=$(printf -- '--ignore=%s ' $long)
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
part servers >"$said/servers" 2>&1 &
servers=$!
PYTEST="$long" part lab >"$said/long" 2>&1 &
long=$!
PYTEST="$others" part lab >"$said/lab" 2>&1 &
lab=$!
part unit
code=$?
wait "$lab" || code=$?
cat "$said/lab"
wait "$long" || code=$?
cat "$said/long"
wait "$servers" || code=$?
cat "$said/servers"
[ "$code" -eq 0 ] || exit "$code"
part wheel
