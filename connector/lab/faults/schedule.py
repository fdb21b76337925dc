"""Faults as text and on a schedule: `name[:parameters]@start[:for][+every]`.

    drop:spot@10s             at 10 s, once
    mute@10s:5s               at 10 s, for 5 s
    skip:btcusdt@trade,3@30s+60s   at 30 s and every 60 s from then on, 3 messages
    mute-stream:stream=btcusdt@depth@100ms@1m:20s

Parameters stand in the fault's own order or are named; the last `@` begins the time. Times: 10s,
5m, 1h, 0.5s; a bare number is seconds. 500ms too, but not as a start: that is a stream's `@100ms`.
"""

import asyncio
import dataclasses
import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from connector.binance.products import PRODUCTS, Product
from connector.errors import Refused
from connector.lab.exchange import Exchange
from connector.lab.faults import FAULTS, Fault
from connector.lab.faults.targets import named

FORM = "name[:parameters]@start[:for][+every], as in mute@10s:5s or skip:btcusdt@trade,3@30s+60s"
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_WHEN = re.compile(r"([^:+]+)(?::([^:+]+))?(?:\+([^:+]+))?")
_RANGES = {"n": (1, 10**6), "times": (1, 10**6), "status": (400, 599)}
_UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault and its times, in seconds from the start of the schedule.

    Attributes:
        text: As it was written.
        every: None: once.
    """

    text: str
    fault: Fault
    start: float
    every: float | None = None


def parse(text: str) -> Planned:
    """Return what one fault's text means.

    Raises:
        Refused: which names the piece that is wrong, and what would be right.
    """
    said, _, when = text.strip().rpartition("@")
    name, _, parameters = said.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        if not said and when.partition(":")[0] in FAULTS:
            raise Refused(f"fault {text!r}: no time it starts at; write {when}@10s: {FORM}")
        wrong = name or when.partition(":")[0]
        raise Refused(f"fault {text!r}: there is no {wrong!r}; {_near(wrong, list(FAULTS))}")
    times = _WHEN.fullmatch(when)
    if times is None or times[1].endswith("ms") or _TIME.fullmatch(times[1]) is None:
        raise Refused(f"fault {text!r}: no time it starts at; write {FORM}")
    fault = _fault(text, kind, [part for part in parameters.split(",") if part], times[2])
    every = None if times[3] is None else _seconds(text, times[3])
    if every == 0:
        raise Refused(f"fault {text!r}: every 0 s would never let go; give a longer time")
    return Planned(text.strip(), fault, _seconds(text, times[1]), every)


def _fault(text: str, kind: type[Fault], parts: list[str], lasting: str | None) -> Fault:
    values = _values(text, kind, parts)
    if lasting is not None:
        if "seconds" not in _fields(kind):
            raise Refused(f"fault {text!r}: it takes no time it lasts; leave out :{lasting}")
        if "seconds" in values:
            raise Refused(f"fault {text!r}: how long it lasts is given twice; leave out :{lasting}")
        values["seconds"] = _seconds(text, lasting)
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING and field.name not in values:
            raise Refused(f"fault {text!r}: needs {field.name}; parameters: {_usage(kind)}")
    if values.get("stream") is not None:
        try:
            named(values["stream"], values.get("product"))
        except Refused as error:
            raise Refused(f"fault {text!r}: {error}") from error
    return kind(**values)


def read(text: str, file: str) -> list[Planned]:
    """Return the faults of a schedule file's text: one a line, `#` begins a remark.

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


async def run(exchange: Exchange, plan: Sequence[Planned], tell: Callable[[str], None]) -> None:
    """Let the faults happen at their times; return when none is left to come.

    Args:
        tell: Called with a fault's text when it begins.
    """

    async def one(planned: Planned) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + planned.start
        while True:
            await asyncio.sleep(at - loop.time())
            tell(planned.text)
            happening = exchange.begin(planned.fault)
            if planned.every is None:
                await happening
                return
            at += planned.every

    async with asyncio.TaskGroup() as group:
        for planned in plan:
            group.create_task(one(planned))


def usage() -> list[tuple[str, str, str]]:
    """Return each fault's name, its parameters, and what it does."""
    return [
        (name, _usage(kind), (kind.__doc__ or "").partition("\n")[0])
        for name, kind in FAULTS.items()
    ]


def _fields(kind: type[Fault]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _usage(kind: type[Fault]) -> str:
    return ", ".join(_fields(kind)) or "none"


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def _values(text: str, kind: type[Fault], parts: list[str]) -> dict[str, Any]:
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
            raise Refused(f"fault {text!r}: no parameter {given!r}; {_near(given, names)}")
        if given in values:
            raise Refused(f"fault {text!r}: {given} is given twice")
        values[given] = _value(text, given, value, hints[given])
    return values


def _value(text: str, name: str, value: str, hint: Any) -> Any:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if Product in kinds:
        if value not in PRODUCTS:
            raise Refused(f"fault {text!r}: {value!r} is no product; {_near(value, [*PRODUCTS])}")
        return value
    if float in kinds:
        return _seconds(text, value)
    if bool in kinds:
        return _truth(text, name, value)
    if int not in kinds:
        return value
    least, most = _RANGES.get(name, (-math.inf, math.inf))
    try:
        number = int(value)
    except ValueError as error:
        raise Refused(f"fault {text!r}: {name} is a whole number, not {value!r}") from error
    if not least <= number <= most:
        raise Refused(f"fault {text!r}: {name} is {least} to {most}, not {number}")
    return number


def _truth(text: str, name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise Refused(f"fault {text!r}: {name} is true or false, not {value!r}")
    return value == "true"


def _seconds(text: str, value: str) -> float:
    found = _TIME.fullmatch(value)
    if found is None:
        raise Refused(f"fault {text!r}: {value!r} is no time; write 500ms, 10s, 5m or 1h")
    return float(found[1]) * _UNITS[found[2]]
