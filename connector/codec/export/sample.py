"""What an export may show of a kind beside its schema. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from connector.codec.export.contract import TopicContract


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload and the record that it becomes, both in JSON's types."""

    stream: str  # as on the wire
    payload: Any
    record: dict[str, Any]


SampleOf = Callable[[str], Sample]  # kind -> sample; only formats that show one call it
Render = Callable[[Sequence[TopicContract], SampleOf], str]
