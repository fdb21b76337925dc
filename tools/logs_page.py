"""docs/logs.md: every event of the log, from the functions in connector/telemetry/events.py."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import connector
from connector.continuity.gap_account import GapReport
from connector.telemetry import events

PACKAGE = Path(connector.__path__[0])
LEVELS = ("debug", "info", "warning", "error", "critical")
EXCEPTION = "exception"  # what the renderers make of exc_info
INTRODUCTION = """\
# Log

Generated from the functions in `connector/telemetry/events.py` by `make docs`.

A log line is one event: a name that stays the same in every version, a level, and fields. Lines
go to standard error. `logs` in the [config file](config.md) says how:

```yaml
logs:
  format: json          # console: for people; auto: console on a terminal, else JSON
  level: INFO           # what is below is left out
  levels:               # of a module and all below it; the longest name counts
    connector.feed.liveness: WARNING
    librdkafka: DEBUG   # with kafka.librdkafka: {debug: broker}
```

The column *module* has the names that `levels` takes: the event is logged from there. Libraries are
heard from WARNING up, as event `library_message` with the fields `library` and `text`, unless
`levels` names them (aiokafka, asyncio, librdkafka, py.warnings). From the environment:
`BKC_LOGS__LEVELS='{"librdkafka": "DEBUG"}'`.

Every line has `timestamp` (UTC), `level` and `event`; errors of the program have `exception`, too,
a traceback without values. No line holds a password, a key, a listenKey or a token; accounts are
known by their aliases. In normal operation a worker logs its start, its stop and changes of the
plan: all else is trouble, or its end. What happens often is counted, see
[metrics.md](metrics.md): `bkc_log_lines_total` counts the lines by level. The page at `/` shows the
newest warnings and errors.

How often something is logged is bounded: see *when*.
"""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """What one function logs.

    Attributes:
        levels: Those it may have, the lowest first.
        fields: Their names; `**name`: the caller's.
        when: What happened.
        modules: From where it is logged.
    """

    function: str
    event: str
    levels: tuple[str, ...]
    fields: tuple[str, ...]
    when: str
    modules: tuple[str, ...]


def page() -> str:
    """Return the text of docs/logs.md."""
    return INTRODUCTION + "".join(_section(title, found) for title, found in sections().items())


def sections() -> dict[str, list[LogEvent]]:
    """Return the events by the title of their section, in the order of the source."""
    source = Path(events.__file__).read_text()
    tree, callers = ast.parse(source), _callers()
    titles = {
        number: line[2:]
        for number, line in enumerate(source.splitlines(), 1)
        if line.startswith("# ")
    }
    found: dict[str, list[LogEvent]] = {title: [] for title in titles.values()}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            title = titles[max(number for number in titles if number < node.lineno)]
            found[title].append(_event(node, tuple(sorted(callers.get(node.name, ())))))
    return found


def _section(title: str, found: list[LogEvent]) -> str:
    rows = "".join(f"| {' | '.join(_cells(each))} |\n" for each in found)
    head, _, note = title.replace("MAX_NAMES", str(events.MAX_NAMES)).partition(". ")
    text = f"{note}\n\n" if note else ""
    return (
        f"\n## {head.rstrip('.')}\n\n{text}"
        f"| event | level | fields | when | module |\n|---|---|---|---|---|\n{rows}"
    )


def _cells(each: LogEvent) -> tuple[str, ...]:
    fields = ", ".join(f"`{name}`" for name in each.fields)
    modules = ", ".join(f"`{name}`" for name in each.modules)
    return f"`{each.event}`", ", ".join(each.levels), fields, each.when, modules


def _event(node: ast.FunctionDef, modules: tuple[str, ...]) -> LogEvent:
    name, fields, given = "", [], []
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and _logs(call):
            name = name or _name(call)
            given += call.keywords
    for keyword in given:
        fields += _fields(keyword, node)
    if "_silence(" in ast.unparse(node):
        fields = ["connection", "streams", "count", *fields]
    return LogEvent(
        node.name,
        name,
        tuple(level for level in LEVELS if f"_log.{level}" in ast.unparse(node)),
        tuple(dict.fromkeys(fields)),
        " ".join((ast.get_docstring(node) or "").split()).replace("|", "\\|"),
        modules,
    )


def _logs(call: ast.Call) -> bool:
    return re.fullmatch(r"_log\.\w+|level|_silence", ast.unparse(call.func)) is not None


def _name(call: ast.Call) -> str:
    """Return the event's name, which is the first text, or constant, of the call."""
    for argument in call.args:
        if isinstance(argument, ast.Constant):
            return str(argument.value)
        if isinstance(argument, ast.Name) and argument.id.isupper():
            return str(getattr(events, argument.id))
    raise ValueError(f"{ast.unparse(call)} names no event")


def _fields(keyword: ast.keyword, function: ast.FunctionDef) -> list[str]:
    """Return the names of a keyword's fields: its own, or those of the map behind `**`."""
    if keyword.arg is not None:
        return [EXCEPTION if keyword.arg == "exc_info" else keyword.arg]
    text = ast.unparse(keyword.value)
    if text == "asdict(report)":
        return [field.name for field in dataclasses.fields(GapReport)]
    assigned = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == text
    ]
    literals = [keyword.value, *assigned]
    names = [name for literal in literals for name in _keys(literal)]
    return names or [f"**{text}"]


def _keys(literal: ast.expr) -> Iterator[str]:
    for node in ast.walk(literal):
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant):
                    yield EXCEPTION if key.value == "exc_info" else str(key.value)


def _callers() -> dict[str, set[str]]:
    """Return the modules that log each event, by the function's name."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(("connector", *path.relative_to(PACKAGE).with_suffix("").parts))
        for name in re.findall(r"\bevents\.(\w+)", path.read_text()):
            found.setdefault(name, set()).add(module)
    return found
