"""The picture of `bkc top`: what workers show at /status, as tables."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.columns import Columns
from rich.console import Group, JustifyMethod, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WorkerAnswer = dict[str, Any] | str  # what a worker shows, or why it shows nothing
SORTS = {"n": "name", "r": "rate", "s": "silence"}
SPARKS = " ▁▂▃▄▅▆▇█"
SPARK_WIDTH = 20
MAX_ROWS = 12  # of gaps and problems
LATE_S, OLD_S = 1.0, 10.0  # the objective of the lag; what BkcBacklogOld allows
MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0
NUMBERS = {"events/s", "silence", "events", "age", "missing", "streams", "hand-over in"}
KEYS = "q end · n r s sort by name, rate, silence"


def view(answers: Mapping[str, WorkerAnswer], sort: str) -> RenderableType:
    """Return the picture of all workers; `sort`: name, rate or silence, for streams by kind."""
    panels = [_worker(url, answer, sort) for url, answer in answers.items()]
    return Group(Columns(panels, expand=True, equal=True), Text(f"{KEYS} · by {sort}", "dim"))


def _worker(url: str, answer: WorkerAnswer, sort: str) -> Panel:
    if isinstance(answer, str):
        return Panel(Text(answer, "red"), title=escape(url), border_style="red")
    parts = answer.get("parts", {})
    failing = {name: part["cause"] for name, part in parts.items() if not part["met"]}
    parts_shown = [
        *_lags(answer.get("lags", {}), answer.get("queue", {})),
        *_kinds(answer, sort),
        *_accounts(answer.get("accounts", {})),
        *_gaps(answer.get("open_gaps", [])),
        *_connections(answer.get("connections", {})),
        *_problems(answer.get("problems", [])),
    ]
    spaced = [each for part in parts_shown for each in (Text(""), part)]
    body = Group(*_readiness(answer, failing), *spaced)
    return Panel(body, title=escape(url), border_style="red" if failing else "green")


def _readiness(answer: Mapping[str, Any], failing: Mapping[str, str | None]) -> list[Text]:
    if answer.get("fenced"):
        return [Text("retired: a later writer has taken over", "bold yellow")]
    if not failing:
        role = "standby, " if answer.get("role") == "standby" else ""
        return [Text(f"{role}ready, up {seconds(answer.get('uptime_s'))}", "bold green")]
    head = Text(f"not ready: {', '.join(failing)}", "bold red")
    return [head, *(Text(f"{name}: {cause}") for name, cause in failing.items() if cause)]


def _lags(lags: Mapping[str, Any], queue: Mapping[str, Any]) -> list[Text]:
    if not lags:
        return []
    text = Text("lag p99  ")
    for name in ("source", "publish", "end_to_end"):
        late = lags[name]["p99"]
        style = "bold red" if late is not None and late > LATE_S else "cyan"
        shown = "-" if late is None else f"≤{seconds(late)}"
        text.append(f"{name} ").append(f"{shown}  ", style)
    oldest = lags["oldest_unacked"]
    style = "bold red" if oldest > OLD_S else "cyan"
    text.append("unacked ").append(seconds(oldest), style)
    if queue:
        text.append(f"  hold {queue['bytes'] / queue['limit_bytes']:.0%} full")
    return [text]


def _kinds(answer: Mapping[str, Any], sort: str) -> list[Table]:
    table = _table("kind", "events/s", "last 5 min", "silence")
    silence = answer.get("lags", {}).get("silence", {})
    orders: dict[str, Callable[[tuple[str, list[float]]], Any]] = {
        "name": lambda item: item[0],
        "rate": lambda item: -(item[1][-1] if item[1] else 0.0),
        "silence": lambda item: -silence.get(item[0], 0.0),
    }
    for kind, rates in sorted(answer.get("rates", {}).items(), key=orders[sort]):
        rate = f"{rates[-1]:,.1f}" if rates else "-"
        bars = f"[blue]{sparkline(rates)}[/]"
        table.add_row(escape(kind), rate, bars, seconds(silence.get(kind)))
    return [table] if table.rows else []


def _accounts(accounts: Mapping[str, Any]) -> list[RenderableType]:
    table = _table("account", "state", "events", "cause")
    for name, account in accounts.items():
        state = "[green]right[/]" if account["right"] else "[bold red]not right[/]"
        events = f"{sum(account['events'].values()):,}"
        table.add_row(escape(name), state, events, escape(account["cause"] or ""))
    return [table] if accounts else []


def _gaps(gaps: list[dict[str, Any]]) -> list[RenderableType]:
    table = _table("open gap", "age", "why", "missing")
    for gap in gaps[:MAX_ROWS]:
        missing = "-" if gap["missing"] is None else str(gap["missing"])
        table.add_row(escape(gap["series"]), seconds(gap["age_s"]), gap["reason"], missing)
    return [table] if gaps else []


def _connections(connections: Mapping[str, Any]) -> list[RenderableType]:
    table = _table("connection", "streams", "state", "age", "hand-over in")
    for name, connection in connections.items():
        state = "[green]flows[/]" if connection["flowing"] else "[bold red]no data[/]"
        if connection["stale"]:
            state = f"[yellow]{len(connection['stale'])} stale[/]"
        streams = f"{connection['subscribed']}/{connection['streams']}"
        age, left = seconds(connection["age_s"]), seconds(connection["replaced_in_s"])
        table.add_row(escape(name), streams, state, age, left)
    return [table] if connections else []


def _problems(problems: list[dict[str, Any]]) -> list[RenderableType]:
    table = _table("UTC", "warning or error", "details")
    for problem in problems[:MAX_ROWS]:
        style = "yellow" if problem["level"] == "warning" else "red"
        details = ", ".join(f"{name}: {value}" for name, value in problem["fields"].items())
        times = f" x{problem['count']}" if problem.get("count", 1) > 1 else ""
        name = f"[{style}]{escape(problem['event'])}{times}[/]"
        table.add_row(escape(problem["time"][11:19]), name, escape(details))
    return [table] if problems else []


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, column in enumerate(columns):
        justify: JustifyMethod = "right" if column in NUMBERS else "left"
        table.add_column(column, overflow="fold" if number else "ellipsis", justify=justify)
    return table


def sparkline(values: list[float]) -> str:
    """Return the newest values as bars, the largest one full."""
    newest = values[-SPARK_WIDTH:]
    most = max(newest, default=0.0) or 1.0
    return "".join(SPARKS[round(value / most * (len(SPARKS) - 1))] for value in newest)


def seconds(number: float | None) -> str:
    """Return a time for people."""
    if number is None:
        return "-"
    if number < 1.0:
        return f"{number * 1e3:.0f} ms"
    if number < MINUTE_S:
        return f"{number:.1f} s"
    if number < HOUR_S:
        return f"{number / MINUTE_S:.0f} min"
    return f"{number / HOUR_S:.1f} h" if number < DAY_S else f"{number / DAY_S:.0f} d"
