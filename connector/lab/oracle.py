"""What was really sent: the ids of every series, noted when a frame has left for a connection."""

from dataclasses import dataclass, field
from typing import Any

Series = tuple[str, str, str]  # product, stream name, symbol


@dataclass(slots=True)
class Oracle:
    """The ids sent, in order, by series; an event sent to several connections counts once."""

    sent: dict[Series, list[tuple[Any, ...]]] = field(default_factory=dict)

    def note(self, product: str, stream: str, symbol: str, identity: tuple[Any, ...]) -> None:
        """Note one event."""
        self.sent.setdefault((product, stream, symbol), []).append(identity)

    @property
    def total(self) -> int:
        """Events sent in all."""
        return sum(len(identities) for identities in self.sent.values())
