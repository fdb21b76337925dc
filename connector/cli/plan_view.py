"""A plan for people and for machines: its streams, its budget, what it changes."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from connector.cli.console import count
from connector.cli.text_table import GAP, columns
from connector.planning.budget import PlanBudget, PoolBudget
from connector.planning.diff import NameDiff
from connector.planning.model import ConnectionPlan, Plan, PlannedStream

HEAD = ("stream", "kind", "topic", "msg/s")
RATE_COLUMN = 3


def number(value: float) -> str:
    """Return a number in few digits: 0.05, 1.3, 12,345; `never` for infinity."""
    if math.isinf(value):
        return "never"
    form = ",.0f" if value >= 100 else ",.1f" if value >= 1 else ".2g"  # noqa: PLR2004 - by size
    return f"{value:{form}}"


def size(per_second: float) -> str:
    """Return bytes a second in the unit that fits."""
    for unit in ("B", "kB", "MB"):
        if per_second < 1000:  # noqa: PLR2004 - of the next unit
            return f"{number(per_second)} {unit}/s"
        per_second /= 1000
    return f"{number(per_second)} GB/s"


def table(plan: Plan, width: int) -> Iterator[str]:
    """Yield the streams by connection, in two lines each if one is too long for the width."""
    rows = [HEAD, *(_row(planned) for planned in plan.streams)]
    lines = columns(rows, right=RATE_COLUMN)
    wide = max(map(len, lines)) + len(GAP) <= width
    shown = iter(lines) if wide else (line for row in rows for line in _narrow(row))
    height = 1 if wide else 2
    yield from (GAP + next(shown) for _ in range(height))
    for connection in plan.connections:
        streams, rate = len(connection.streams), number(connection.rate)
        yield ""
        yield f"{connection.name}  {count(streams, 'stream')}, about {rate} msg/s"
        yield f"{GAP}{connection.endpoint}"
        if connection.replica:
            yield f"{GAP}the same streams as {connection.name[:-1]}a"
        else:
            yield from (GAP + next(shown) for _ in range(height * streams))


def _row(planned: PlannedStream) -> tuple[str, str, str, str]:
    stream = planned.stream
    return stream.name, stream.row.kind, planned.topic, number(planned.rate)


def _narrow(row: Sequence[str]) -> tuple[str, str]:
    stream, kind, topic, rate = row
    return f"{stream}  {rate}", f"{GAP}{kind} > {topic}"


def totals(plan: Plan, budget: PlanBudget) -> Iterator[str]:
    """Yield what the plan needs, a line each."""
    streams, connections = count(budget.streams, "stream"), count(budget.connections, "connection")
    yield f"{streams} on {connections} into {count(len(plan.topics), 'topic')}"
    sent = f"{count(budget.subscribes, 'message')}, sent in {budget.subscribe_s:.1f} s"
    estimate = f"{number(budget.messages)} messages/s, {size(budget.bytes)}"
    pools = ((f"REST {pool.pool}", _weight(pool)) for pool in budget.pools)
    yield from columns([("SUBSCRIBE", sent), ("estimated", estimate), *pools])


def _weight(pool: PoolBudget) -> str:
    return (
        f"{number(pool.budget)} weight/min ours; symbols {number(pool.refresh)}/min;"
        f" book snapshots {number(pool.snapshots)} ({_minutes(pool.snapshot_minutes)});"
        f" a minute's outage {number(pool.outage)} ({_minutes(pool.outage_minutes)})"
    )


def _minutes(minutes: float) -> str:
    return "never" if math.isinf(minutes) else f"{minutes:.1f} min"


def changes(diff: NameDiff) -> Iterator[str]:
    """Yield the changes to a running worker: + begins, - ends, > changes connection."""
    yield from (f"+ {name}  {place}" for (_, name), place in diff.added.items())
    yield from (f"- {name}  {place}" for (_, name), place in diff.removed.items())
    yield from (f"> {name}  {old} > {new}" for (_, name), (old, new) in diff.moved.items())
    yield (
        f"against the running worker: {count(len(diff.added), 'stream')} more,"
        f" {len(diff.removed):,} fewer, {len(diff.moved):,} moved"
    )


def as_json(
    plan: Plan, budget: PlanBudget, warnings: Sequence[str], diff: NameDiff | None
) -> dict[str, Any]:
    """Return all of it in JSON's types; infinity is null."""
    connections_of: dict[PlannedStream, list[str]] = {}
    for connection in plan.connections:
        for planned in connection.streams:
            connections_of.setdefault(planned, []).append(connection.name)
    return {
        "streams": [_stream(planned, connections_of[planned]) for planned in plan.streams],
        "connections": [_connection(connection) for connection in plan.connections],
        "topics": plan.topics,
        "cost": json.loads(json.dumps(asdict(budget)), parse_constant=lambda _infinity: None),
        "warnings": list(warnings),
        "difference": None if diff is None else _difference(diff),
    }


def _stream(planned: PlannedStream, connections: list[str]) -> dict[str, Any]:
    return {
        "product": planned.stream.product,
        "stream": planned.stream.name,
        "kind": planned.stream.row.kind,
        "topic": planned.topic,
        "key": planned.key,
        "endpoint": planned.endpoint,
        "time_unit": planned.time_unit,
        "connections": connections,
        "messages_per_second": round(planned.rate, 3),
        "bytes_per_second": round(planned.bytes_rate),
    }


def _connection(connection: ConnectionPlan) -> dict[str, Any]:
    return {
        "name": connection.name,
        "product": connection.product,
        "endpoint": connection.endpoint,
        "leg": connection.replica,
        "streams": len(connection.streams),
        "messages_per_second": round(connection.rate, 3),
        "bytes_per_second": round(connection.bytes_rate),
    }


def _difference(diff: NameDiff) -> dict[str, Any]:
    changed: dict[str, Mapping[Any, Any]]
    changed = {"added": diff.added, "removed": diff.removed, "moved": diff.moved}
    return {
        change: [
            {"product": product, "stream": name, "connection": connection}
            for (product, name), connection in streams.items()
        ]
        for change, streams in changed.items()
    }
