"""What was really sent: the ids of every series, noted when a frame has left for a connection."""

from dataclasses import dataclass, field
from typing import Any

from connector.lab.market import Event

Series = tuple[str, str, str]  # product, stream name, symbol


@dataclass(slots=True)
class Oracle:
    """The ids sent, in order, by series; an event sent to several connections counts once.

    Attributes:
        sent: Series -> identities in the order sent.
        payloads: Series -> wire payloads, when `keep_payloads` is set.
    """

    sent: dict[Series, list[tuple[Any, ...]]] = field(default_factory=dict)
    payloads: dict[Series, list[dict[str, Any]]] = field(default_factory=dict)
    keep_payloads: bool = False

    def note(self, event: Event) -> None:
        """Note one event that has been sent."""
        series = (event.product, event.stream, event.symbol)
        self.sent.setdefault(series, []).append(event.identity)
        if self.keep_payloads:
            self.payloads.setdefault(series, []).append(event.data)

    @property
    def total(self) -> int:
        """Events sent in all."""
        return sum(len(identities) for identities in self.sent.values())
