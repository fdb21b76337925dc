"""Types of values in the config file; each error shows the value, and what to write instead."""

import re
import string
from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ByteSize, WithJsonSchema

from connector.errors import did_you_mean

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # org.apache.kafka.common.internals.Topic, 4.1
# Values that a topic template is tried with; any symbol of plain letters does.
_SAMPLE = {"prefix": "binance", "product": "spot", "kind": "trade", "symbol": "BTCUSDT"}


class Section(BaseModel, extra="forbid", frozen=True):
    """A section of the file."""


def written_as(format_: str, range_: str | None = None) -> WithJsonSchema:
    """Give the form of a value to the JSON schema, and so to docs/config.md."""
    schema = {"type": "string", "format": format_}
    return WithJsonSchema(schema if range_ is None else schema | {"range": range_})


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or value in (".", ".."):
        may = "letters, digits, dot, underscore and dash, at most 249"
        raise ValueError(f"{value!r} is no topic name: {may}")
    return value


TopicName = Annotated[str, AfterValidator(_topic), written_as("topic name")]


def _placeholders(template: str, allowed: Collection[str]) -> None:
    """Raise ValueError for a placeholder that is no plain `{name}` of those allowed."""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}; a placeholder is written {{symbol}}") from None
    for _, name, form, conversion in parsed:
        if name is None or (name in allowed and not form and conversion is None):
            continue
        near = did_you_mean(name, allowed)
        meant = f"did you mean {{{near}}}?" if near else f"known: {_braced(allowed)}"
        written = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
        raise ValueError(f"{template!r}: unknown placeholder {{{written}}}; {meant}")


def _braced(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _topic_template(template: str) -> str:
    _placeholders(template, _SAMPLE)
    _topic(template.format(**_SAMPLE))
    return template


def _key_template(template: str) -> str:
    _placeholders(template, ("symbol", "product", "kind", "stream"))
    if not template:
        raise ValueError("'' is empty: leave it out, the key is the symbol then")
    return template


TopicTemplate = Annotated[str, AfterValidator(_topic_template), written_as("template")]
KeyTemplate = Annotated[str, AfterValidator(_key_template), written_as("template")]


def _scalar(value: object) -> object:
    if isinstance(value, dict | list) or value is None:
        raise ValueError("must be text, a number, true or false")
    return value


Scalar = Annotated[str | int | float | bool, BeforeValidator(_scalar)]


def _instance(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value):
        raise ValueError(f"{value!r} is no name: letters, digits, dot, underscore and dash")
    return value


# YAML 1.1 reads a bare off as false.
NativeMode = Annotated[
    Literal["auto", "off", "require"],
    BeforeValidator(lambda value: "off" if value is False else value),
]
InstanceName = Annotated[str, AfterValidator(_instance)]


def one_or_many(value: Any) -> Any:
    """Return a single text as a list of one, anything else as it is."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(one_or_many)]

_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}


def _duration(value: object) -> timedelta:
    """Return what is written as 7d, 12h, 30m, 45s or 500ms.

    A number without a unit is refused: `retention: 7` would empty a topic within 7 ms.
    """
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is no duration: write 7d, 12h, 30m, 45s or 500ms")
    try:
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        return timedelta.max


def _bounded(value: object, least: str, most: str) -> timedelta:
    duration = _duration(value)
    if duration < _duration(least):
        raise ValueError(f"{value!r} is too short: {least} is the least")
    if duration > _duration(most):
        raise ValueError(f"{value!r} is too long: {most} is the most")
    return duration


def _between(least: str, most: str) -> BeforeValidator:
    return BeforeValidator(lambda value: _bounded(value, least, most))


Refresh = Annotated[timedelta, _between("1s", "30d"), written_as("duration", "1s to 30d")]
TakeoverAfter = Annotated[timedelta, _between("2s", "10m"), written_as("duration", "2s to 10m")]
Patience = Annotated[timedelta, _between("0s", "24h"), written_as("duration", "0s to 24h")]
ReadInterval = Annotated[timedelta, _between("0s", "100ms"), written_as("duration", "0s to 100ms")]
BookInterval = Annotated[timedelta, _between("10s", "30d"), written_as("duration", "10s to 30d")]
# The exchange cuts a connection after 24 h.
ConnectionLife = Annotated[timedelta, _between("1s", "24h"), written_as("duration", "1s to 24h")]


def _retention(value: object) -> int:
    """Return Kafka's `retention.ms`: milliseconds, or -1 for ever."""
    if str(value) == "-1":
        return -1
    return _bounded(value, "1s", "36500d") // timedelta(milliseconds=1)


Retention = Annotated[int, BeforeValidator(_retention), written_as("duration", "1s to 36500d")]


def _hold(value: ByteSize) -> ByteSize:
    if value < 64 * 2**10:
        raise ValueError(f"{value} bytes are too few: 64KiB is the least")
    if value > 64 * 2**30:
        raise ValueError(f"{value.human_readable()} is too much: 64GiB is the most")
    return value


Hold = Annotated[ByteSize, AfterValidator(_hold), written_as("size", "64KiB to 64GiB")]
