"""Faults as text and on a schedule: `name[:parameters]@start[:for][+every]`.

    drop:spot@10s             at 10 s, once
    mute@10s:5s               at 10 s, for 5 s
    skip:btcusdt@trade,3@30s+60s   at 30 s and every 60 s from then on, 3 messages
    mute-stream:stream=btcusdt@depth@100ms@1m:20s

Parameters are given in the fault's own order or by name; the last `@` begins the time. Times: 10s,
5m, 1h, 0.5s; a bare number is seconds. 500ms too, but not as a start: that is a stream's `@100ms`.
"""

import asyncio
import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_type_hints

from connector.errors import Refused
from connector.lab.faults import FAULTS, AnyFault
from connector.lab.faults.targets import matching, named
from connector.lab.faults.values import nearest, seconds, value_of

FORM = "name[:parameters]@start[:for][+every], as in mute@10s:5s or skip:btcusdt@trade,3@30s+60s"
_START = re.compile(r"\d+(?:\.\d+)?(?:s|m|h)?")
_WHEN = re.compile(r"([^:+]+)(?::([^:+]+))?(?:\+([^:+]+))?")


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault and its times, in seconds from the start of the schedule.

    Attributes:
        text: As it was written.
        every: None: once.
    """

    text: str
    fault: AnyFault
    start: float
    every: float | None = None


class Begins(Protocol):
    """The exchange, the registry, or both."""

    def begin(self, fault: Any) -> asyncio.Task[None]:
        """Run a fault in a task."""
        ...


def parse(text: str) -> Planned:
    """Return the fault and the times that a text means.

    Raises:
        Refused: which names the piece that is wrong, and what would be right.
    """
    written, _, when = text.strip().rpartition("@")
    name, _, parameters = written.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        if not written and when.partition(":")[0] in FAULTS:
            raise Refused(f"fault {text!r}: no time it starts at; write {when}@10s: {FORM}")
        wrong = name or when.partition(":")[0]
        raise Refused(f"fault {text!r}: there is no {wrong!r}; {nearest(wrong, list(FAULTS))}")
    times = _WHEN.fullmatch(when)
    if times is None or _START.fullmatch(times[1]) is None:
        raise Refused(f"fault {text!r}: no time it starts at; write {FORM}")
    fault = _fault(text, kind, [part for part in parameters.split(",") if part], times[2])
    every = None if times[3] is None else seconds(text, times[3])
    if every == 0:
        raise Refused(f"fault {text!r}: every 0 s would never let go; give a longer time")
    return Planned(text.strip(), fault, seconds(text, times[1]), every)


def _fault(text: str, kind: type[AnyFault], parts: list[str], lasting: str | None) -> AnyFault:
    values = _values(text, kind, parts)
    if lasting is not None:
        if "seconds" not in _fields(kind):
            raise Refused(f"fault {text!r}: it takes no time it lasts; leave out :{lasting}")
        if "seconds" in values:
            raise Refused(f"fault {text!r}: how long it lasts is given twice; leave out :{lasting}")
        values["seconds"] = seconds(text, lasting)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type] # every fault is a dataclass
        if field.default is dataclasses.MISSING and field.name not in values:
            raise Refused(f"fault {text!r}: needs {field.name}; parameters: {_usage(kind)}")
    try:
        _check_streams(values)
    except Refused as error:
        raise Refused(f"fault {text!r}: {error}") from error
    return kind(**values)


def _check_streams(values: dict[str, Any]) -> None:
    product = values.get("product")
    if values.get("stream") is not None:
        named(values["stream"], product)
    if values.get("streams") is not None:
        matching(values["streams"], product)


def read(text: str, file: str) -> list[Planned]:
    """Return the faults of a schedule file's text: one a line, `#` begins a comment.

    Raises:
        Refused: as `parse`, with file and line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        fault = re.sub(r"(^|\s)#.*", "", line).strip()
        if not fault:
            continue
        try:
            found.append(parse(fault))
        except Refused as error:
            raise Refused(f"{file}:{number}: {error}") from error
    return found


async def run(target: Begins, plan: Sequence[Planned], report: Callable[[str], None]) -> None:
    """Run the faults at their times; return when no more are due.

    Args:
        target: What they act on.
        plan: The faults and their times.
        report: Called with a fault's text when it begins.
    """

    async def run_one(planned: Planned) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + planned.start
        while True:
            await asyncio.sleep(at - loop.time())
            report(planned.text)
            running = target.begin(planned.fault)
            if planned.every is None:
                await running
                return
            at += planned.every

    async with asyncio.TaskGroup() as group:
        for planned in plan:
            group.create_task(run_one(planned))


def usage() -> list[tuple[str, str, str]]:
    """Return each fault's name, its parameters, and what it does."""
    return [
        (name, _usage(kind), (kind.__doc__ or "").partition("\n")[0])
        for name, kind in FAULTS.items()
    ]


def _fields(kind: type[AnyFault]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type] # as above


def _usage(kind: type[AnyFault]) -> str:
    return ", ".join(_fields(kind)) or "none"


def _values(text: str, kind: type[AnyFault], parts: list[str]) -> dict[str, Any]:
    """Return parameters by name, from their order or their names, each of its type."""
    names, hints = _fields(kind), get_type_hints(kind)
    values: dict[str, Any] = {}
    for index, part in enumerate(parts):
        given, equals, value = part.partition("=")
        if not equals:
            if index >= len(names):
                raise Refused(f"fault {text!r}: {part!r} is too much; parameters: {_usage(kind)}")
            given, value = names[index], part
        if given not in names:
            raise Refused(f"fault {text!r}: no parameter {given!r}; {nearest(given, names)}")
        if given in values:
            raise Refused(f"fault {text!r}: {given} is given twice")
        values[given] = value_of(text, given, value, hints[given])
    return values
