"""Types of setting values; each error text shows the value, its bounds or form, and the cure."""

import difflib
import re
import string
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    WithJsonSchema,
)

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # org.apache.kafka.common.internals.Topic, 4.1
# What stands for the symbol when a template is tried: any symbol of plain letters.
_SAMPLE = {
    "prefix": "binance",
    "product": "spot",
    "kind": "trade",
    "symbol": "BTCUSDT",
    "stream": "btcusdt@trade",
}


class Section(BaseModel):
    """A section of the file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _written_as(format_: str, range_: str | None = None) -> WithJsonSchema:
    """Say in docs/config.md and the JSON schema what the value looks like."""
    bounds = {} if range_ is None else {"range": range_}
    return WithJsonSchema({"type": "string", "format": format_, **bounds})


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or value in (".", ".."):
        raise ValueError(
            f"{value!r} is no topic name: letters, digits, dot, underscore and dash, at most 249"
        )
    return value


TopicName = Annotated[str, AfterValidator(_topic), _written_as("topic name")]


def _placeholders(template: str, allowed: Collection[str]) -> None:
    """Refuse what is no plain `{name}` of those allowed."""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}; a placeholder is written {{symbol}}") from None
    for _, name, form, conversion in parsed:
        if name is None or (name in allowed and not form and conversion is None):
            continue
        near = difflib.get_close_matches(name, allowed, n=1)
        meant = f"did you mean {{{near[0]}}}?" if near else f"known: {_braced(allowed)}"
        written = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
        raise ValueError(f"{template!r}: unknown placeholder {{{written}}}; {meant}")


def _braced(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _topic_template(template: str) -> str:
    _placeholders(template, ("prefix", "product", "kind", "symbol"))
    _topic(template.format(**_SAMPLE))
    return template


def _key_template(template: str) -> str:
    _placeholders(template, ("symbol", "product", "kind", "stream"))
    if not template:
        raise ValueError("'' is empty: leave it out, the key is the symbol then")
    return template


TopicTemplate = Annotated[str, AfterValidator(_topic_template), _written_as("template")]
KeyTemplate = Annotated[str, AfterValidator(_key_template), _written_as("template")]


def _plain(value: object) -> object:
    if isinstance(value, dict | list) or value is None:
        raise ValueError("must be text, a number, true or false")
    return value


Plain = Annotated[str | int | float | bool, BeforeValidator(_plain)]


def _instance(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value):
        raise ValueError(f"{value!r} is no name: letters, digits, dot, underscore and dash")
    return value


InstanceName = Annotated[str, AfterValidator(_instance)]


def one_or_many(value: Any) -> Any:
    """Take a single text for a list of one."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(one_or_many)]


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


Retention = Annotated[
    int, _between("1s", "36500d", for_ever=True), _written_as("duration", "1s to 36500d")
]
Refresh = Annotated[int, _between("1s", "30d"), _written_as("duration", "1s to 30d")]
BookInterval = Annotated[int, _between("10s", "30d"), _written_as("duration", "10s to 30d")]
# The exchange cuts a connection after 24 h, whatever we say.
ConnectionLife = Annotated[int, _between("1s", "24h"), _written_as("duration", "1s to 24h")]

_KIB, _GIB = 2**10, 2**30


def _room(value: ByteSize) -> ByteSize:
    if value < 64 * _KIB:
        raise ValueError(f"{value} bytes are too few: 64KiB is the least")
    if value > 64 * _GIB:
        raise ValueError(f"{value.human_readable()} is too much: 64GiB is the most")
    return value


Room = Annotated[ByteSize, AfterValidator(_room), _written_as("size", "64KiB to 64GiB")]
