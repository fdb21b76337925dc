#!/usr/bin/env bash
# Locks requirements/run.txt, dev.txt and build.txt (what the image builds the wheel with): versions
# and hashes, no addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  "$1/pip-compile" --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
    --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate --output-file "$2" "${@:3}"
}
compile "$1" requirements/run.txt pyproject.toml
compile "$1" requirements/dev.txt --extra servers --extra dev pyproject.toml
compile "$1" requirements/build.txt --only-build-deps --build-deps-for wheel pyproject.toml
