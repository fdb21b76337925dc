"""Imports point down, each I/O library has one place, and pure modules stay pure. Stdlib only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "connector"
# Rows from the bottom; a module imports only from rows below its own, or from its own folder.
ROWS: tuple[tuple[str, ...], ...] = (
    ("errors", ""),
    ("policy",),
    ("binance",),
    ("codec",),
    ("continuity", "planning"),
    ("backfill_rules", "telemetry"),
    ("config",),
    ("transport", "kafka"),
    ("feed", "examine", "reasons"),
    ("replan",),
    ("backfill", "verify", "server", "exporter", "status"),
    ("witness",),
    ("writer", "repair"),
    ("service",),
    ("handfill",),
    ("lab",),
    ("cli",),
    ("__main__",),
)
MOVING = {"binance/history.py", "binance/filling.py", "binance/holes.py"}  # to backfill/
LAB_USES = {"lab", "codec", "binance", "errors"}
PURE = {"errors", "policy", "binance", "codec", "continuity", "planning"}
IMPURE = {"asyncio", "time", "random", "os", "socket", "ssl", "threading", "logging", "subprocess"}
GATES = {
    "picows": {"transport"},
    "websockets": {"transport"},
    "confluent_kafka": {"kafka"},
    "aiokafka": {"kafka"},
    "aiohttp": {"server", "transport"},
    "httpx2": {"kafka"},
    "typer": {"cli"},
    "rich": {"cli"},
    "pydantic": {"config"},
    "pydantic_settings": {"config"},
    "yaml": {"config"},
    "structlog": {"telemetry"},
    "prometheus_client": {"telemetry"},
}
# The demo reads topics back with the standard deserialiser, as a consumer would.
CONSUMERS = {("cli", "confluent_kafka")}


def imports(source: str) -> Iterator[str]:
    """Yield the dotted names a module imports, those under TYPE_CHECKING left out."""
    for node in ast.walk(_without_type_checking(ast.parse(source))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _without_type_checking(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    return tree


def part_of(path: Path) -> str:
    """Return a file's part of the package: its folder, or its own name at the top."""
    inside = path.relative_to(PACKAGE)
    if str(inside) in MOVING:
        return "backfill_rules"
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem.replace("__init__", "")


def row_of(part: str) -> int:
    return next(number for number, row in enumerate(ROWS) if part in row)


def problems(part: str, source: str) -> list[str]:
    """Return what a module of a part may not import."""
    found = []
    for name in imports(source):
        top, _, rest = name.partition(".")
        if top == "connector":
            found += _upward(part, rest.partition(".")[0])
        elif part in PURE and top in IMPURE:
            found.append(f"{part} is pure, but imports {top}")
        elif top in GATES and part not in {"lab", *GATES[top]} and (part, top) not in CONSUMERS:
            found.append(f"{top} belongs in {GATES[top]}, not in {part}")
    return found


def _upward(part: str, target: str) -> list[str]:
    known = {name for row in ROWS for name in row}
    target = target if target in known else ""
    if part == target or target in ("", "errors"):
        return []
    if part == "lab" and target not in LAB_USES:
        return [f"lab uses only {sorted(LAB_USES)}, not {target}"]
    if target == "lab" and part != "cli":
        return [f"only cli imports lab, not {part}"]
    if row_of(target) >= row_of(part):
        return [f"{part} imports {target}, which is not below it"]
    return []


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_it_may(path: Path) -> None:
    assert problems(part_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("feed", "from connector.backfill import Backfill"),
        ("feed", "import connector.service"),
        ("verify", "from connector.server import Server"),
        ("transport", "from connector.kafka.producer import Producer"),
        ("service", "from connector.lab.exchange import Exchange"),
        ("lab", "from connector.feed.pipeline import Pipeline"),
        ("binance", "import asyncio"),
        ("codec", "def f():\n    import time"),
        ("feed", "import picows"),
        ("service", "from confluent_kafka import Producer"),
        ("feed", "import structlog"),
    ],
)
def test_the_rules_bite(part: str, source: str) -> None:
    assert len(problems(part, source)) == 1


def test_there_are_no_import_cycles() -> None:
    graph = {
        _module(path): {
            name
            for imported in imports(path.read_text())
            for name in _candidates(imported)
            if name != _module(path)
        }
        for path in FILES
    }
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " > ".join((*above, module))
        if module not in done:
            for target in graph.get(module, ()):
                visit(target, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def _module(path: Path) -> str:
    dotted = ".".join(("connector", *path.relative_to(PACKAGE).with_suffix("").parts))
    return dotted.removesuffix(".__init__")


MODULES = {_module(path) for path in FILES}


def _candidates(imported: str) -> set[str]:
    """Return the module an imported name stands for: itself, or the one it is taken from."""
    if imported in MODULES:
        return {imported}
    above = imported.rpartition(".")[0]
    return {above} & MODULES
