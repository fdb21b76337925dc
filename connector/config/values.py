"""The kinds of values settings take, each with an error text that shows the value and the cure."""

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

_URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<host>[^\s/]+)(/\S*)?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # org.apache.kafka.common.internals.Topic, 4.1
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
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


def _written_as(format_: str) -> WithJsonSchema:
    """Say in docs/config.md and the JSON schema what the value looks like."""
    return WithJsonSchema({"type": "string", "format": format_})


def _url(schemes: tuple[str, ...], example: str) -> AfterValidator:
    def check(value: str) -> str:
        found = _URL.fullmatch(value)
        if found is not None and "@" in found["host"]:
            raise ValueError("holds a user or password, which logs would show: put them in a file")
        if found is None or found["scheme"] not in schemes:
            raise ValueError(f"{value!r} is no URL of this sort: write {example}")
        return value

    return AfterValidator(check)


Url = Annotated[str, _url(("http", "https"), "http://host:port"), _written_as("http(s) URL")]


def _without(end: str, added: str) -> AfterValidator:
    """Refuse what the connector appends to a base by itself: it would stand there twice."""

    def check(value: str) -> str:
        base = re.sub(end, "", value.rstrip("/"))
        if base != value.rstrip("/"):
            raise ValueError(f"{value!r}: leave out {added}: write {base}")
        return value

    return AfterValidator(check)


_WEB_SOCKET = _url(("ws", "wss"), "wss://host:port"), _written_as("ws(s) URL")
WebSocketUrl = Annotated[
    str, *_WEB_SOCKET, _without(r"(/(stream|ws))?(\?.*)?$", "/stream, which is added")
]
WebSocketBase = Annotated[
    str,
    *_WEB_SOCKET,
    _without(
        r"(/(public|market|private))?(/(stream|ws))?(\?.*)?$",
        "route and /stream, which are added",
    ),
]


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or value in (".", ".."):
        raise ValueError(
            f"{value!r} is no topic name: letters, digits, dot, underscore and dash, at most 249"
        )
    return value


TopicName = Annotated[str, AfterValidator(_topic), _written_as("topic name")]


def _duration(value: object) -> object:
    """Turn 7d, 12h, 30m, 45s or 500ms into milliseconds; -1 stays. A bare number is refused.

    `retention: 7` would empty a topic within 7 ms.
    """
    found = _DURATION.fullmatch(str(value).strip())
    if found is not None:
        return int(found[1]) * _UNITS[found[2]]
    if str(value) == "-1":
        return -1
    raise ValueError(f"{value!r} is no duration: write 7d, 12h, 30m, 45s or 500ms")


Milliseconds = Annotated[int, BeforeValidator(_duration), _written_as("duration")]


def _a_second(value: int) -> int:
    if value < _UNITS["s"]:
        raise ValueError(f"'{value}ms' is too short: 1s is the least")
    return value


Interval = Annotated[Milliseconds, AfterValidator(_a_second)]
Size = Annotated[ByteSize, _written_as("size")]


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
