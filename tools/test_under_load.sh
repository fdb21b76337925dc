#!/usr/bin/env bash
# Runs `make test` RUNS times (10 by default) on two cores beside two busy loops: no test may depend
# on how fast the machine is. Prints result and seconds of each run; exit code 1 if any failed.
set -uo pipefail
cd "$(dirname "$0")/.."
runs=${1:-10}
make=${MAKE:-make}

if [ "$(nproc)" -gt 2 ]; then
  pin=(taskset --cpu-list 0,1)
else
  pin=()
fi
"$make" --no-print-directory setup >/dev/null || exit

logs=$(mktemp -d)
trap 'kill $(jobs -p)' EXIT
trap 'exit 130' INT TERM
for _ in 1 2; do
  ${pin[@]+"${pin[@]}"} sh -c 'while :; do :; done' &
done

failed=0
for run in $(seq "$runs"); do
  began=$SECONDS
  ${pin[@]+"${pin[@]}"} "$make" --no-print-directory test >"$logs/$run" 2>&1 &
  if wait $!; then
    echo "run $run: green, $((SECONDS - began)) s"
    rm "$logs/$run"
  else
    echo "run $run: FAILED, $((SECONDS - began)) s, see $logs/$run"
    failed=$((failed + 1))
  fi
done
echo "$failed of $runs runs failed"
[ "$failed" -eq 0 ] && rmdir "$logs"
