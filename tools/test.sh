#!/usr/bin/env bash
# What `make test` runs, each part with its seconds. After the lint all parts run beside one another:
# most of them wait for sockets and servers; those that only compute yield to them a little.
set -uo pipefail
cd "$(dirname "$0")/.."

part() { # TARGET [ARGUMENTS OF PYTEST]; YIELD: how nice it is to the others
  local began=$SECONDS code=0
  PYTEST=${2:-} nice -n "${YIELD:-0}" "${MAKE:-make}" --no-print-directory "$1" || code=$?
  echo "== $1: $((SECONDS - began)) s"
  return "$code"
}

beside() { # as part; the output is kept in a file
  local output="$outputs/${#pids[@]}"
  part "$@" >"$output" 2>&1 &
  pids+=($!)
}

ignoring() { # PATHS
  printf -- '--ignore=%s ' "$@"
}

part lint || exit

# Each about half of the waiting.
servers="tests/servers/test_security.py tests/servers/test_transactions.py tests/servers/test_worker.py"
lab="tests/feed/liveness tests/worker/test_handover.py tests/worker/test_replan.py"

outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
pids=()
# shellcheck disable=SC2086
{
  YIELD=4 beside types
  YIELD=4 beside wheel
  YIELD=4 beside unit
  beside lab "$lab"
  beside lab "$(ignoring $lab tests/servers)"
  beside servers "$servers"
  beside servers "tests/servers $(ignoring $servers)"
}
code=0
for number in "${!pids[@]}"; do
  wait "${pids[number]}" || code=$?
  cat "$outputs/$number"
done
exit "$code"
