"""Dockerfile and compose file against the tree and the settings; no Docker is run."""

import contextlib
import json
import os
import re
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml

from connector.codec.native.loader import MODULE
from connector.config.load import load
from connector.config.plan import plan_of
from connector.config.sections import ServerSettings

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "examples" / "docker-compose.yml"
IMAGE = re.compile(r"[a-z0-9./-]+:[0-9]+(\.[0-9]+){2}")  # a tag that does not move


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions and their arguments, lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


@pytest.fixture
def services() -> dict[str, Any]:
    composed = yaml.safe_load(COMPOSE.read_text())
    return dict(composed["services"])


def test_what_the_image_copies_is_there() -> None:
    copied = [
        name
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    ]

    assert {"connector", "schemas", "examples", "requirements/run.txt"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {name.split("/")[0] for name in copied} == sent_to_the_build()


def sent_to_the_build() -> set[str]:
    """Return the files and folders that .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return {rule[1:] for rule in rules if rule.startswith("!")}


def test_the_image_has_the_compiled_codec_where_python_looks_for_it() -> None:
    [copied] = [rest.split() for word, rest in instructions() if "libbkc_native.so" in rest]
    [path] = re.findall(r"PYTHONPATH=(\S+)", (ROOT / "Dockerfile").read_text())
    crate = ROOT / "connector" / "codec" / "native" / "Cargo.toml"

    assert copied[-1] == f"{path}/{MODULE}.abi3.so"
    assert tomllib.loads(crate.read_text())["lib"]["name"] == MODULE
    assert ("RUN", '["cargo", "build", "--release", "--locked"]') in instructions()


def test_no_pip_is_left_in_the_image() -> None:
    found = instructions()
    last = found[[word for word, _ in found].index("FROM", 1) :]

    environments = [rest for _, rest in found if '"venv"' in rest]
    assert environments == ['["python", "-m", "venv", "--without-pip", "/opt/bkc"]']
    assert ("RUN", '["python", "-m", "pip", "uninstall", "--yes", "pip"]') in last


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_image_is_healthy_while_livez_answers_200(
    status: int, healthy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    [check] = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    code = json.loads(check.partition("CMD ")[2])[2]

    with answering({"/livez": status}) as port:
        monkeypatch.setenv("BKC_SERVER__PORT", str(port))
        if healthy:
            exec(code)  # noqa: S102 - our own
        else:
            with pytest.raises(HTTPError):
                exec(code)  # noqa: S102 - our own


def test_the_health_check_asks_the_default_port_and_is_the_only_one(
    services: dict[str, Any],
) -> None:
    [check] = [rest for word, rest in instructions() if word == "HEALTHCHECK"]

    assert f"'BKC_SERVER__PORT', '{ServerSettings().port}'" in check
    assert "healthcheck" not in services["connector"]


@contextlib.contextmanager
def answering(statuses: dict[str, int]) -> Iterator[int]:
    """Answer each path with its status; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.get(self.path, 404))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_the_image_uses_no_shell_and_no_alpine_and_is_not_root() -> None:
    found = instructions()

    runs = [rest for word, rest in found if word in ("RUN", "ENTRYPOINT", "CMD")]
    assert [rest for rest in runs if not rest.startswith("[")] == []
    bases = [rest for word, rest in found if word == "FROM"]
    builders = ["rust:1.95-slim-bookworm AS native", "python:3.12-slim AS build"]
    assert bases == [*builders, "python:3.12-slim"]
    last = max(position for position, (word, _) in enumerate(found) if word == "FROM")
    after = found[last:]
    assert [rest for word, rest in after if word == "USER"] == ["10001:10001"]


def test_everything_from_an_index_is_installed_with_hashes() -> None:
    installs = [rest for word, rest in instructions() if word == "RUN" and '"install"' in rest]

    assert len(installs) == 3
    safe = ("--require-hashes", "--no-index")
    assert [rest for rest in installs if not any(option in rest for option in safe)] == []
    assert [rest for word, rest in instructions() if word == "RUN" and "http" in rest] == []


@pytest.mark.parametrize("name", ["run.txt", "build.txt"])
def test_locked_requirements_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()

    good = re.compile(r"[a-zA-Z0-9._-]+==[^/]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in text.splitlines() if line and not good.fullmatch(line)] == []


def test_compose_has_kafka_a_registry_and_the_connector(services: dict[str, Any]) -> None:
    images = [service["image"] for service in services.values() if "image" in service]

    assert set(services) == {"kafka", "registry", "connector"}
    assert [image for image in images if not IMAGE.fullmatch(image)] == []
    assert (COMPOSE.parent / services["connector"]["build"] / "Dockerfile").is_file()
    assert set(services["connector"]["depends_on"]) <= set(services)


def test_the_connectors_file_and_variables_are_real_settings(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = services["connector"]
    for name in [name for name in os.environ if name.upper().startswith("BKC_")]:
        monkeypatch.delenv(name)
    for name, value in connector["environment"].items():
        monkeypatch.setenv(name, value)
    [mounted] = connector["volumes"]
    file, inside, _ = mounted.split(":")

    loaded = load(COMPOSE.parent / file)

    assert loaded.settings.kafka.bootstrap_servers == "kafka:19092"
    assert loaded.settings.schema_registry.url == "http://registry:8080/apis/ccompat/v7"
    assert plan_of(loaded).streams
    pairs = [pair for word, rest in instructions() if word == "ENV" for pair in rest.split()]
    assert f"BKC_CONFIG_FILE={inside}" in pairs


def test_the_connector_speaks_to_kafkas_inner_listener(services: dict[str, Any]) -> None:
    kafka = services["kafka"]["environment"]
    connector = services["connector"]["environment"]
    advertised = dict(
        listener.split("://") for listener in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    listening = dict(listener.split("://") for listener in kafka["KAFKA_LISTENERS"].split(","))

    assert advertised["INSIDE"] == connector["BKC_KAFKA__BOOTSTRAP_SERVERS"]
    assert all(listening[name].endswith(at.partition(":")[2]) for name, at in advertised.items())
    assert set(kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")) == {
        f"{name}:PLAINTEXT" for name in listening
    }
