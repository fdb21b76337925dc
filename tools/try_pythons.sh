#!/usr/bin/env bash
# Tries the oldest and the newest Python of this machine beside the one of .venv: each in an environment
# and with a cache of its own, both empty, as a new user has them. Wants the network for packages.
# Usage: tools/try_pythons.sh [PYTHON...]   (default: those of the PATH and of pyenv)
set -euo pipefail
cd "$(dirname "$0")/.."

usable() { # PYTHON: prints its version and path, if it is new enough and can make an environment
  "$1" -c 'import ensurepip, sys, venv
if sys.version_info >= (3, 11): print(".".join(map(str, sys.version_info[:3])), sys.executable)' 2>/dev/null || true
}

others() { # the oldest and the newest of the candidates, without the Python of .venv
  local ours
  ours=$(usable .venv/bin/python | cut -d' ' -f1)
  for candidate in "$@"; do usable "$candidate"; done | sort --version-sort --unique --key=1,1 |
    awk -v ours="$ours" '$1 != ours' | sed -n '1p;$p' | uniq
}

try() ( # VERSION PYTHON
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  bin=$folder/venv/bin
  echo "== Python $1"
  "$2" -m venv "$folder/venv"
  "$bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
  "$bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
  "$bin/pytest" -m "not servers and not lab and not engines and not prometheus"
  HOME=$folder XDG_CACHE_HOME=$folder/cache "$bin/bkc" demo --broker kafka --seconds 5
)

[ $# -gt 0 ] || set -- /usr/bin/python3 python3.11 python3.12 python3.13 python3.14 \
  "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3
found=$(others "$@")
[ -n "$found" ] || echo "no other Python from 3.11 on is here"
while read -r version python; do
  [ -z "$version" ] || try "$version" "$python" </dev/null
done <<<"$found"
