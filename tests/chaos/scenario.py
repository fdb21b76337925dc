"""What one run of `make chaos` is made of: a fault, and what must hold afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.lab.faults import Fault
from tests.chaos.stage import RATE, Stage
from tests.support.servers import Running

WARM_S = 2.0  # healthy traffic before the fault
LEARN_S = 40.0  # the same where the usual pauses must have been learned (feed/liveness/activity.py)
Act = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault.

    Attributes:
        name: For `--only` and topic names.
        says: What happens, for the table.
        act: Starts the connector, lets it happen, and returns when it is over.
        allowed_s: After that: until data flows and what REST has is filled.
        planned: A break that was announced: nothing may be missing, and no backfill used.
        blind_under_s: Bound of the time blind.
        notice_under_s: Bound of the time to notice.
        more: Settings of the connector.
        alone: Kafka suffers: no other scenario may use the same broker meanwhile.
        misaligned: Two connections of the exchange cut books differently.
        dead_letters: The fault breaks messages: some must be put aside.
        rate: Events a second over all series.
        silent_at_edges: Streams do not flow at the start or at the end: only what lies between
            their first `started` and their last `stopped` marker is judged.
    """

    name: str
    says: str
    act: Act
    allowed_s: float = 20.0
    planned: bool = False
    blind_under_s: float | None = None
    notice_under_s: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    alone: bool = False
    misaligned: bool = False
    dead_letters: bool = False
    silent_at_edges: bool = False
    rate: float = RATE


async def warm(stage: Stage, seconds: float = WARM_S) -> Running:
    """Start a connector and return after some healthy traffic: the fault begins now."""
    worker = await stage.ready()
    await worker.until_stored(1)
    await asyncio.sleep(seconds)
    stage.mark()
    return worker


def strikes(*faults: Fault, warm_s: float = WARM_S) -> Act:
    """Return what lets faults happen together, and ends when all are over."""

    async def act(stage: Stage) -> None:
        await warm(stage, warm_s)
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(stage.strike(fault))

    return act


def breaks_while(*faults: Fault, by: Fault) -> Act:
    """Return what breaks connections while other faults last; those end by themselves."""

    async def act(stage: Stage) -> None:
        await warm(stage)
        for fault in faults:
            stage.exchange.begin(fault)
        await stage.strike(by)

    return act


def begins_with(*faults: Fault, by: Fault) -> Act:
    """Return the same with faults that are there before the connector starts."""

    async def act(stage: Stage) -> None:
        for fault in faults:
            stage.exchange.begin(fault)
        await warm(stage)
        await stage.strike(by)

    return act
