"""Imports point down, each I/O library has one place, and pure modules stay pure. Stdlib only."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "connector"
# Bands from the bottom; a module imports only from bands below its own, or from its own room.
ROWS: tuple[tuple[str, ...], ...] = (
    ("errors", ""),
    ("backoff", "rate_limit"),
    ("binance",),
    ("codec",),
    ("continuity", "planning"),
    ("telemetry",),
    ("config",),
    ("transport", "kafka"),
    ("feed", "account"),
    ("backfill", "diagnostics"),
    ("worker",),
    ("lab",),
    ("cli",),
    ("__main__",),
)
ROOT_FILES = {"__init__.py", "__main__.py", "backoff.py", "errors.py", "rate_limit.py"}
LAB_USES = {"lab", "codec", "binance", "errors"}
PURE = {"errors", "backoff", "rate_limit", "binance", "codec", "continuity", "planning"}
PURE_FILES = {
    "account/ask_schedule.py",
    "account/coverage.py",
    "account/draft.py",
    "account/envelope.py",
    "account/feed_items.py",
    "account/identity.py",
    "account/layouts.py",
    "account/outbox.py",
    "account/registry.py",
    "account/stored_progress.py",
    "account/tracker.py",
    "account/path_proof.py",
    "account/progress.py",
    "account/reconcile.py",
    "account/reconcile_picture.py",
    "account/reconcile_queries.py",
    "account/reconcile_reader.py",
    "account/reconcile_result.py",
    "account/reconcile_rows.py",
    "account/records.py",
    "account/redaction.py",
    "feed/liveness/activity.py",
    "feed/liveness/activity_monitor.py",
    "feed/liveness/interarrival.py",
    "feed/liveness/staleness.py",
    "backfill/candle_finality.py",
    "backfill/job.py",
    "backfill/pages.py",
    "backfill/row_reader.py",
    "backfill/manual/missing.py",
}
IMPURE = {"asyncio", "time", "random", "os", "socket", "ssl", "threading", "logging", "subprocess"}
GATES = {
    "picows": {"transport"},
    "websockets": {"transport"},
    "confluent_kafka": {"kafka"},
    "aiokafka": {"kafka"},
    "aiohttp": {"transport", "worker", "diagnostics"},
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


EMPTY_NAMES = {"one", "it", "there", "told", "said", "way"}


def imports(source: str) -> Iterator[str]:
    """Yield the dotted names a module imports, those under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room_of(path: str) -> str:
    """Return a file's room: its top folder, or its own name at the root."""
    parts = Path(path).parts
    return parts[0] if len(parts) > 1 else Path(path).stem.replace("__init__", "")


def row_of(room: str) -> int:
    return next(number for number, row in enumerate(ROWS) if room in row)


def problems(path: str, source: str) -> list[str]:
    """Return what a module may not import."""
    room = room_of(path)
    found = []
    for name in imports(source):
        top, _, rest = name.partition(".")
        if top == "connector":
            found += _upward(room, rest.partition(".")[0])
        elif top in IMPURE and (room in PURE or path in PURE_FILES):
            found.append(f"{path} is pure, but imports {top}")
        elif top in GATES and room not in {"lab", *GATES[top]} and (room, top) not in CONSUMERS:
            found.append(f"{top} belongs in {GATES[top]}, not in {room}")
    return found


def _upward(room: str, target: str) -> list[str]:
    known = {name for row in ROWS for name in row}
    target = target if target in known else ""
    if room == target or target in ("", "errors"):
        return []
    if room == "lab" and target not in LAB_USES:
        return [f"lab uses only {sorted(LAB_USES)}, not {target}"]
    if target == "lab" and room != "cli":
        return [f"only cli imports lab, not {room}"]
    if row_of(target) >= row_of(room):
        return [f"{room} imports {target}, which is not below it"]
    return []


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_it_may(path: Path) -> None:
    assert problems(str(path.relative_to(PACKAGE)), path.read_text()) == []


def test_the_root_takes_no_file_but_the_named_ones() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} <= ROOT_FILES


def test_every_pure_file_that_is_named_is_there() -> None:
    assert [name for name in PURE_FILES if not (PACKAGE / name).is_file()] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("feed/pipeline.py", "from connector.backfill.scheduler import Backfill"),
        ("feed/pipeline.py", "import connector.worker.market"),
        ("feed/shard.py", "if TYPE_CHECKING:\n    from connector.worker import market"),
        ("diagnostics/preflight.py", "from connector.backfill.job import Filling"),
        ("transport/websocket.py", "from connector.kafka.committer import Committer"),
        ("continuity/gap.py", "from connector.planning.plan import Plan"),
        ("worker/market.py", "from connector.lab.exchange import Exchange"),
        ("lab/exchange.py", "from connector.feed.pipeline import Pipeline"),
        ("binance/products.py", "import asyncio"),
        ("codec/compile.py", "def f():\n    import time"),
        ("feed/liveness/activity.py", "import time"),
        ("feed/pipeline.py", "import picows"),
        ("worker/market.py", "from confluent_kafka import Producer"),
        ("feed/shard.py", "import structlog"),
    ],
)
def test_the_rules_bite(path: str, source: str) -> None:
    assert len(problems(path, source)) == 1


TESTS = Path(__file__).parent


def test_every_pure_module_has_a_test_file_of_its_own_name() -> None:
    """Left out: a package's `__init__`, and modules without a function, such as tables of rows."""
    names = [str(path.relative_to(PACKAGE)) for path in FILES if path.name != "__init__.py"]
    pure = [name for name in names if room_of(name) in PURE or name in PURE_FILES]
    missing = [
        name
        for name in pure
        if functions((PACKAGE / name).read_text())
        and not (TESTS / name).with_name(f"test_{Path(name).name}").is_file()
    ]
    assert missing == []


def functions(source: str) -> list[str]:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, defined)]


def test_no_class_or_type_is_defined_in_two_modules() -> None:
    """One name, one meaning. Left out is the lab, which stands for the other side of the wire."""
    modules: dict[str, list[str]] = {}
    for path in FILES:
        name = str(path.relative_to(PACKAGE))
        for defined in types(path.read_text()) if room_of(name) != "lab" else ():
            modules.setdefault(defined, []).append(name)
    assert {name: places for name, places in modules.items() if len(places) > 1} == {}


@pytest.mark.parametrize("folder", ["connector", "tests", "bench", "tools"])
def test_no_variable_has_a_name_that_says_nothing(folder: str) -> None:
    paths = (PACKAGE.parent / folder).rglob("*.py")
    found = {str(path): names & EMPTY_NAMES for path in paths if (names := variables(path))}

    assert {path: names for path, names in found.items() if names} == {}


def variables(path: Path) -> set[str]:
    """Return the names of a module's variables and arguments."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    stored = (node for node in nodes if isinstance(node, ast.Name))
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    return arguments | {name.id for name in stored if isinstance(name.ctx, ast.Store)}


def types(source: str) -> set[str]:
    """Return the classes and type aliases that a module defines: names in CapWords."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            found |= {name for name in names if re.fullmatch(r"_*[A-Z][A-Z0-9]*[a-z]\w*", name)}
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class Gap: ...", {"Gap"}),
        ("KeyPath = tuple[str, ...]", {"KeyPath"}),
        ("_Ids: TypeAlias = list[int]", {"_Ids"}),
        ("MAX_ROWS = 5\nname = 1\ndef f():\n    class Inner: ...", set()),
    ],
)
def test_classes_and_type_aliases_are_found(source: str, found: set[str]) -> None:
    assert types(source) == found


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
