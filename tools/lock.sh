#!/usr/bin/env bash
# Locks requirements/run.txt and requirements/dev.txt: versions and hashes, no addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  "$1/pip-compile" --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
    --no-emit-trusted-host --no-header --no-annotate --output-file "$2" "${@:3}"
}
compile "$1" requirements/run.txt pyproject.toml
compile "$1" requirements/dev.txt --extra servers --extra dev pyproject.toml
