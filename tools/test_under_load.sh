#!/usr/bin/env bash
# Runs `make test` RUNS times (default 10) on two cores beside two busy loops: no test may depend on
# how fast the machine is. Prints a line a run; exit code 1 if any run failed. A failed run's log is kept.
set -uo pipefail
cd "$(dirname "$0")/.."
runs=${1:-10}
logs=$(mktemp -d)
failed=0
loops=()
trap 'kill "${loops[@]}" 2>/dev/null' EXIT INT TERM
cores() { if [ "$(nproc)" -gt 2 ]; then taskset -c 0,1 "$@"; else "$@"; fi; }

make setup
for _ in 1 2; do
  cores bash -c 'while :; do :; done' &
  loops+=($!)
done
for run in $(seq "$runs"); do
  log="$logs/$run.log"
  began=$SECONDS
  if cores make --no-print-directory test >"$log" 2>&1; then
    echo "run $run: green in $((SECONDS - began)) s"
    rm "$log"
  else
    echo "run $run: FAILED after $((SECONDS - began)) s, see $log"
    failed=$((failed + 1))
  fi
done
echo "$((runs - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
