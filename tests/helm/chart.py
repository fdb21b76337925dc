"""Renders the chart with the real helm."""

import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.get import get
from tools.unavailable import Unavailable

CHART = Path(__file__).parents[2] / "helm" / "binance-kafka-connector"
CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
KUBERNETES = "1.36.0"
CONFIG = """\
kafka: {bootstrap_servers: "kafka:9092"}
schema_registry: {url: "http://registry:8081"}
subscriptions:
  - {product: spot, symbols: [BTCUSDT], streams: [trade]}
"""
ACCOUNT_CONFIG = CONFIG.split("subscriptions", maxsplit=1)[0] + "accounts: [{alias: desk-1}]\n"
VALUES: Mapping[str, Any] = {
    "image": {"repository": "registry.example.com/bkc"},
    "market": {"config": CONFIG},
}
Document = dict[str, Any]


class Refusal(Exception):
    """Helm refuses the chart or its values; the text is what it says."""


_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast


class OneKeyLoader(_Loader):  # type: ignore[misc, valid-type]
    """Refuses a key that is given twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a map; raise when a key is in it twice."""
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise Refusal(f"a key is given twice among {keys}{node.start_mark}")
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


@functools.cache
def helm_program() -> Path:
    """Return the path of helm, or of what TEST_HELM names; skips where it cannot be had."""
    try:
        return get(os.environ.get("TEST_HELM", "helm"))
    except Unavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def helm(*arguments: str, **environment: str) -> str:
    """Run helm and return what it prints. Raises Refusal: its exit code is not 0."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(  # noqa: S603 - our own command
            [str(helm_program()), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": home, **environment},
        )
    if done.returncode != 0:
        raise Refusal(done.stderr)
    return done.stdout


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with changes: maps merge, everything else replaces."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def rendered(changes: Mapping[str, Any] | None = None, name: str = "bkc") -> list[Document]:
    """Return the documents of a release with the least values and these changes.

    Raises:
        Refusal: helm refuses the values, or the documents have a key twice.
    """
    return documents(rendered_text(changes, name))


def rendered_text(changes: Mapping[str, Any] | None = None, name: str = "bkc") -> str:
    """Return the same as text. Raises Refusal: helm refuses the values."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(merged(VALUES, changes or {}), file)
        file.flush()
        return template(Path(file.name), name)


@functools.cache
def example(values: Path) -> list[Document]:
    """Return the documents of one of the chart's examples; not to be changed."""
    return documents(template(values))


def template(values: Path, name: str = "bkc") -> str:
    """Return what `helm template` prints for a file of values."""
    options = ("--namespace=market-data", f"--kube-version={KUBERNETES}")
    return helm("template", name, str(CHART), f"--values={values}", *options)


def documents(text: str) -> list[Document]:
    """Return the documents of a YAML text. Raises Refusal: a map has a key twice."""
    return [found for found in yaml.load_all(text, OneKeyLoader) if found]


def of_kind(found: list[Document], kind: str) -> list[Document]:
    """Return the documents of one kind."""
    return [document for document in found if document["kind"] == kind]


def pods(found: list[Document]) -> Iterator[Document]:
    """Yield the spec of every pod: of deployments, of jobs, and those that are bare."""
    for document in found:
        if document["kind"] in ("Deployment", "Job"):
            yield document["spec"]["template"]["spec"]
        elif document["kind"] == "Pod":
            yield document["spec"]


def config_name(deployment: Document) -> str:
    """Return the name of the config map that a deployment's pods mount."""
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    return next(str(each["configMap"]["name"]) for each in volumes if each["name"] == "config")


def config_of(found: list[Document], deployment: Document) -> str:
    """Return the config file that a deployment's pods mount."""
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(found, "ConfigMap")}
    return str(maps[config_name(deployment)]["connector.yaml"])


def is_hook(document: Document) -> bool:
    """Say whether helm runs a document at a moment of its own, not with the release."""
    return "helm.sh/hook" in document["metadata"].get("annotations", {})
