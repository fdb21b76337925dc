"""What an export may show of a kind beside its schema. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.codec.schema import Schema


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload and its record.

    Attributes:
        stream: Wire name of the stream.
        payload: The payload, decoded from JSON.
        record: The record that it becomes, in JSON's types.
    """

    stream: str
    payload: Any
    record: dict[str, Any]


SampleOf = Callable[[str], Sample]  # kind -> sample; only formats that show one call it
Render = Callable[[Schema, SampleOf], str]
