# Two commands do it all: `make demo` and `make test`. Both set up what they need.

PYTHON ?= python3
VENV   ?= .venv
ENGINE ?= docker
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml 2>/dev/null)
TAG    ?= binance-kafka-connector:$(VERSION)
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready-$(shell cat requirements/dev.txt pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)

.DEFAULT_GOAL := help
# Without Python's compiled files each of the many processes compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: native help example test-alerts test-engines chaos fuzz image image-steps test-cluster pythons setup docs pictures demo test lint types unit lab servers wheel bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## Create .venv with everything (done by the others when needed)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv) and try again"; exit 2; }
	@echo "Setting up $(VENV): about a minute, once."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

native: $(READY) ## Build the compiled codec and install it into .venv (needs cargo; a minute)
	@command -v cargo >/dev/null || { \
	  echo "cargo is not here: install Rust 1.83 or newer (Debian: apt install cargo; or rustup), or do without: all works in Python"; exit 2; }
	@rm -rf build/native
	@CARGO_TARGET_DIR=build/cargo $(BIN)/maturin build --quiet --release --locked --interpreter $(BIN)/python \
	  --manifest-path connector/codec/native/Cargo.toml --out build/native
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall build/native/*.whl
	@$(BIN)/python -c 'from connector.codec.native.loader import choose; print("codec:", choose("require").text)'

demo: $(READY) ## Show the connector at work for half a minute, and prove that nothing is missing
	@$(BIN)/bkc demo $(DEMO)

example: $(READY) ## Run one of examples/ beside lab, Kafka and connector: NAME=candles; without NAME: the list
	@$(BIN)/python -m tools.example $(NAME)

test: $(READY) ## Everything: lint, types, tests, real Kafka, the built wheel
	@tools/test.sh

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .

types: $(READY)
	@$(BIN)/mypy

unit: $(READY) ## Tests that need nothing and wait for nothing
	@$(BIN)/pytest -m "not servers and not lab and not engines and not prometheus" $(PYTEST)

lab: $(READY) ## Tests against the simulated exchange, over real sockets
	@$(BIN)/pytest -m "lab and not servers" $(PYTEST)

servers: $(READY) ## Tests against a real Kafka broker and registry (fetched once into the cache)
	@$(BIN)/pytest -m servers $(PYTEST)

test-engines: $(READY) ## Flink and Spark read every topic of a real Kafka broker (fetched once, 800 MB)
	@$(BIN)/pytest -m engines tests/engines $(PYTEST)

wheel: $(READY) ## Build the wheel, install it elsewhere, run it
	@PYTHON=$(BIN)/python tools/try_wheel.sh

test-cluster: $(READY) ## The Helm chart on a real Kubernetes API server (built by Go, once); HELM=3: Helm 3
	@TEST_CLUSTER=1 $(if $(filter 3,$(HELM)),TEST_HELM=helm3) $(BIN)/pytest tests/cluster

pythons: $(READY) ## The same tests on the oldest and the newest Python of this machine, from an empty cache
	@tools/try_pythons.sh

fuzz: $(READY) ## The unit tests with all that is random tried in full: a million frames, every order of events
	@TEST_THOROUGH=1 $(BIN)/pytest -m "not servers and not lab and not engines and not prometheus"

chaos: $(READY) ## Every fault against a real broker (10 minutes); writes docs/integrity.md; LONG=1: real durations
	@$(BIN)/python -m tests.chaos $(if $(LONG),--long,--page docs/integrity.md) $(CHAOS)

image: ## Build the image, named TAG; ENGINE=podman: with podman
	@$(ENGINE) build --tag "$(TAG)" --label "org.opencontainers.image.version=$(VERSION)" \
	  --label "org.opencontainers.image.revision=$$(git rev-parse HEAD)" .

image-steps: $(READY) ## Execute the Dockerfile without an engine, and its result (Linux, root)
	@$(BIN)/python -m tools.try_image

test-alerts: $(READY) ## Every alert in a real Prometheus: it fires for its cause, and ends (builds Prometheus once)
	@$(BIN)/pytest tests/alerts
	@$(BIN)/python -m tests.alerts $(ALERTS)

bench: $(READY) ## The benchmark of bench/README.md (about 40 minutes, wants a quiet machine)
	@$(BIN)/python -m bench.run $(BENCH)

docs: $(READY) ## Write the generated pages, and what the chart renders, anew
	@$(BIN)/python -m tools.docs && $(BIN)/python -m tools.chart

pictures: $(READY) ## Take the pictures of docs/operate.md from a running worker (wants Chromium)
	@TEST_PICTURES=$(CURDIR)/docs/pictures $(BIN)/pytest tests/worker/test_page.py

lock: $(READY) ## Write requirements/*.txt anew from pyproject.toml
	@tools/lock.sh $(BIN)

clean: ## Remove .venv and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
