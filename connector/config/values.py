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


def _written_as(format_: str) -> WithJsonSchema:
    """Say in docs/config.md and the JSON schema what the value looks like."""
    return WithJsonSchema({"type": "string", "format": format_})


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
