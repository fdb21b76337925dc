"""A plan for people and for machines: what goes where, what it costs, what it changes."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from connector.planning.budget import PlanBudget, PoolBudget
from connector.planning.diff import Moves
from connector.planning.model import ConnectionPlan, Plan, PlannedStream

GAP = "  "
HEAD = ("stream", "kind", "topic", "msg/s")


def columns(rows: Iterable[Sequence[str]], right: int = -1) -> list[str]:
    """Return rows as lines, cells under one another; column `right` is flush right.

    Cells are never cut: a terminal that is too narrow wraps the line.
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if number == right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(GAP.join(cells).rstrip())
    return lines


def number(value: float) -> str:
    """Return a number as people read it: 0.05, 1.3, 12,345."""
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 1 else f"{value:.2g}"  # noqa: PLR2004 - digits that fit the size


def count(number_of: int, noun: str) -> str:
    """Return `1 stream`, `2 streams`."""
    return f"{number_of:,} {noun}{'' if number_of == 1 else 's'}"


def size(per_second: float) -> str:
    """Return bytes a second in the unit that fits."""
    for unit in ("B", "kB", "MB"):
        if per_second < 1000:  # noqa: PLR2004 - of the next unit
            return f"{number(per_second)} {unit}/s"
        per_second /= 1000
    return f"{number(per_second)} GB/s"


def table(plan: Plan, width: int) -> Iterator[str]:
    """Yield the plan, connection by connection; in two lines a stream where one is too long."""
    rows = [HEAD, *(_row(one) for one in plan.streams)]
    lines = columns(rows, right=3)
    wide = max(map(len, lines)) + len(GAP) <= width
    shown = iter(lines) if wide else (line for row in rows for line in _narrow(row))
    height = 1 if wide else 2
    yield from (GAP + next(shown) for _ in range(height))
    for bundle in plan.connections:
        yield ""
        yield f"{bundle.name}  {count(len(bundle.streams), 'stream')}, {_traffic(bundle)}"
        yield f"{GAP}{bundle.endpoint}"
        if bundle.replica:
            yield f"{GAP}the same streams as {bundle.name[:-1]}a"
        else:
            yield from (GAP + next(shown) for _ in range(height * len(bundle.streams)))


def _row(one: PlannedStream) -> tuple[str, str, str, str]:
    return one.stream.name, one.stream.row.kind, one.topic, number(one.rate)


def _narrow(row: Sequence[str]) -> tuple[str, str]:
    stream, kind, topic, rate = row
    return f"{stream}  {rate}", f"{GAP}{kind} > {topic}"


def _traffic(bundle: ConnectionPlan) -> str:
    return f"about {number(bundle.rate)} msg/s"


def totals(plan: Plan, cost: PlanBudget) -> Iterator[str]:
    """Yield what the plan costs, in sentences."""
    yield (
        f"{count(cost.streams, 'stream')} on {count(cost.connections, 'connection')} into"
        f" {count(len(plan.topics), 'topic')}"
    )
    yield from columns(
        [
            ("SUBSCRIBE", f"{count(cost.subscribes, 'message')}, sent in {cost.subscribe_s:.1f} s"),
            ("estimated", f"{number(cost.messages)} messages/s, {size(cost.bytes)}"),
            *((f"REST {pool.pool}", _weight(pool)) for pool in cost.pools),
        ]
    )


def _weight(pool: PoolBudget) -> str:
    return (
        f"{number(pool.budget)} weight/min ours; symbols {number(pool.refresh)}/min;"
        f" book snapshots {number(pool.snapshots)} ({_minutes(pool.snapshot_minutes)});"
        f" a minute's outage {number(pool.outage)} ({_minutes(pool.outage_minutes)})"
    )


def _minutes(minutes: float) -> str:
    return "never" if math.isinf(minutes) else f"{minutes:.1f} min"


def changes(moves: Moves) -> Iterator[str]:
    """Yield what is different from a running worker: + begins, - ends, > changes connection."""
    yield from (f"+ {name}  {place}" for (_, name), place in moves.added.items())
    yield from (f"- {name}  {place}" for (_, name), place in moves.removed.items())
    yield from (f"> {name}  {old} > {new}" for (_, name), (old, new) in moves.moved.items())
    yield (
        f"against the running worker: {count(len(moves.added), 'stream')} more,"
        f" {len(moves.removed):,} fewer, {len(moves.moved):,} moved"
    )


def as_json(
    plan: Plan, cost: PlanBudget, warnings: Sequence[str], moves: Moves | None
) -> dict[str, Any]:
    """Return all of it as JSON can hold it; what is never is null."""
    places: dict[PlannedStream, list[str]] = {}
    for bundle in plan.connections:
        for one in bundle.streams:
            places.setdefault(one, []).append(bundle.name)
    return {
        "streams": [_stream(one, places[one]) for one in plan.streams],
        "connections": [_connection(bundle) for bundle in plan.connections],
        "topics": plan.topics,
        "cost": _finite(asdict(cost)),
        "warnings": list(warnings),
        "difference": None if moves is None else _moves(moves),
    }


def _stream(one: PlannedStream, connections: list[str]) -> dict[str, Any]:
    return {
        "product": one.stream.product,
        "stream": one.stream.name,
        "kind": one.stream.row.kind,
        "topic": one.topic,
        "key": one.key,
        "endpoint": one.endpoint,
        "time_unit": one.time_unit,
        "connections": connections,
        "messages_per_second": round(one.rate, 3),
        "bytes_per_second": round(one.bytes_rate),
    }


def _connection(bundle: ConnectionPlan) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "product": bundle.product,
        "endpoint": bundle.endpoint,
        "leg": bundle.replica,
        "streams": len(bundle.streams),
        "messages_per_second": round(bundle.rate, 3),
        "bytes_per_second": round(bundle.bytes_rate),
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and math.isinf(value) else value


def _moves(moves: Moves) -> dict[str, Any]:
    def listed(places: Iterable[tuple[tuple[str, str], Any]]) -> list[dict[str, Any]]:
        return [
            {"product": product, "stream": name, "connection": place}
            for (product, name), place in places
        ]

    return {
        "added": listed(moves.added.items()),
        "removed": listed(moves.removed.items()),
        "moved": listed(moves.moved.items()),
    }
