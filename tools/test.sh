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
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
part servers >"$said/servers" 2>&1 &
servers=$!
part lab >"$said/lab" 2>&1 &
lab=$!
part unit
code=$?
wait "$lab" || code=$?
cat "$said/lab"
wait "$servers" || code=$?
cat "$said/servers"
[ "$code" -eq 0 ] || exit "$code"
part wheel
