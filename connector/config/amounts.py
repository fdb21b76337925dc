"""Durations and sizes with their bounds, each with an error that shows value, unit and cure."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ByteSize, WithJsonSchema

_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
FOR_EVER = "-1"


def _read(value: object) -> int:
    """Turn 7d, 12h, 30m, 45s or 500ms into milliseconds. A bare number is refused.

    `retention: 7` would empty a topic within 7 ms.
    """
    found = _DURATION.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"{value!r} is no duration: write 7d, 12h, 30m, 45s or 500ms")
    return int(found[1]) * _UNITS[found[2]]


def _between(least: str, most: str, *, for_ever: bool = False) -> BeforeValidator:
    shortest, longest = _read(least), _read(most)

    def read(value: object) -> int:
        if for_ever and str(value) == FOR_EVER:
            return -1
        milliseconds = _read(value)
        if milliseconds < shortest:
            raise ValueError(f"{value!r} is too short: {least} is the least")
        if milliseconds > longest:
            raise ValueError(f"{value!r} is too long: {most} is the most")
        return milliseconds

    return BeforeValidator(read)


def _written_as(format_: str, least: str, most: str) -> WithJsonSchema:
    """Say in docs/config.md and the JSON schema what the value looks like."""
    return WithJsonSchema({"type": "string", "format": format_, "range": f"{least} to {most}"})


Retention = Annotated[
    int, _between("1s", "36500d", for_ever=True), _written_as("duration", "1s", "36500d")
]
Refresh = Annotated[int, _between("1s", "30d"), _written_as("duration", "1s", "30d")]
BookInterval = Annotated[int, _between("10s", "30d"), _written_as("duration", "10s", "30d")]
# The exchange cuts a connection after 24 h, whatever we say.
ConnectionLife = Annotated[int, _between("1s", "24h"), _written_as("duration", "1s", "24h")]

_KIB, _GIB = 2**10, 2**30


def _room(value: ByteSize) -> ByteSize:
    if value < 64 * _KIB:
        raise ValueError(f"{value} bytes are too few: 64KiB is the least")
    if value > 64 * _GIB:
        raise ValueError(f"{value.human_readable()} is too much: 64GiB is the most")
    return value


Room = Annotated[ByteSize, AfterValidator(_room), _written_as("size", "64KiB", "64GiB")]
