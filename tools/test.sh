#!/usr/bin/env bash
# What `make test` runs, each part with its seconds, and those of the cores. After the lint all parts run beside one another:
# most of them wait for sockets and servers; those that only compute yield to them a little.
set -uo pipefail
cd "$(dirname "$0")/.."

part() { # TARGET [ARGUMENTS OF PYTEST]; YIELD: how nice it is to the others
  local code=0 TIMEFORMAT="== $1: %0R s, of both cores %0U + %0S s"
  time PYTEST=${2:-} nice -n "${YIELD:-0}" "${MAKE:-make}" --no-print-directory "$1" || code=$?
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

# What shares a spare broker, and what else is about half of the waiting; of the lab's a third each.
servers="tests/servers/test_worker.py tests/servers/test_account_worker.py"
servers+=" tests/servers/test_transactions.py"
lab="tests/feed/liveness tests/worker/test_handover.py tests/worker/test_replan.py"
others="tests/account tests/backfill tests/cli tests/diagnostics tests/feed/test_rejections.py tests/kafka"

outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
pids=()
# shellcheck disable=SC2086
{
  YIELD=1 beside types
  YIELD=1 beside wheel
  YIELD=1 beside unit
  beside lab "$lab"
  beside lab "$others"
  beside lab "$(ignoring $lab $others tests/servers)"
  beside servers "$servers"
  beside servers "tests/servers $(ignoring $servers)"
}
code=0
for number in "${!pids[@]}"; do
  wait "${pids[number]}" || code=$?
  cat "$outputs/$number"
done
exit "$code"
