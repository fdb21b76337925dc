#!/usr/bin/env bash
# What `make test` runs, each part with its seconds. After the lint all parts run beside one another:
# most of them wait for sockets and servers, and those that only compute give way to them.
set -uo pipefail
cd "$(dirname "$0")/.."

part() { # NICENESS TARGET [ARGUMENTS OF PYTEST]
  local began=$SECONDS code=0
  PYTEST=${3:-} nice -n "$1" "${MAKE:-make}" --no-print-directory "$2" || code=$?
  echo "== $2: $((SECONDS - began)) s"
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

part 0 lint || exit

# Each about half of the waiting.
servers="tests/servers/test_security.py tests/servers/test_transactions.py tests/servers/test_worker.py"
lab="tests/feed/liveness tests/worker/test_handover.py tests/worker/test_replan.py"

outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
pids=()
# shellcheck disable=SC2086
{
  beside 10 types
  beside 10 wheel
  beside 10 unit
  beside 0 lab "$lab"
  beside 0 lab "$(ignoring $lab tests/servers)"
  beside 0 servers "$servers"
  beside 0 servers "tests/servers $(ignoring $servers)"
}
code=0
for number in "${!pids[@]}"; do
  wait "${pids[number]}" || code=$?
  cat "$outputs/$number"
done
exit "$code"
