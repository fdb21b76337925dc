#!/usr/bin/env bash
# Builds the wheel, installs it into a folder of its own and runs it there: an editable install
# hides what a wheel forgets (schemas, examples). Wants PYTHON, a Python with our dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(cd "$(dirname "$PYTHON")" && pwd)/$(basename "$PYTHON")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m build --wheel --no-isolation --outdir "$folder" . >"$folder/build.log" 2>&1 || { cat "$folder/build.log"; exit 1; }
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/site" "$folder"/*.whl
cd "$folder"
PYTHONPATH="$folder/site" PYTHONSAFEPATH=1 "$python" - <<'E2'
from pathlib import Path

import connector
from connector.cli.examples import example
from connector.codec.schema import folder, kinds

assert "site" in connector.__file__, connector.__file__
assert (Path(connector.__file__).parent / "py.typed").exists(), "the wheel has no py.typed"
assert folder().is_relative_to(connector.__path__[0]), folder()
assert len(kinds()) >= 5, kinds()
assert example("demo.yaml").is_relative_to(connector.__path__[0])
E2
bkc() { PYTHONPATH="$folder/site" PYTHONSAFEPATH=1 "$python" -m connector "$@"; }
bkc init mine.yaml >/dev/null
bkc check mine.yaml >/dev/null
test -s "$folder"/site/*.dist-info/licenses/LICENSE
bkc check "$folder/site/connector/examples/demo.yaml" >"$folder/check.log" || { cat "$folder/check.log"; exit 1; }
echo "wheel: built, installed elsewhere, $(tail -n 1 "$folder/check.log" | sed 's/^.* is good: //')"
