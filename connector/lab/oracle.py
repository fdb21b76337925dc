"""The truth that tests compare with: the ids of every series, made and really sent.

An event is made when its id is spent, and sent when a frame with it was written to a connection.
What was made and never sent is lost to clients; REST still has it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from connector.lab.market import Event

Series = tuple[str, str, str]  # product, stream name, symbol


@dataclass(slots=True)
class Oracle:
    """The ids, in order, by series; an event sent to several connections counts once.

    Attributes:
        made: Series -> identities in the order made.
        sent: Series -> identities in the order sent.
        payloads: Series -> wire payloads sent, when `keep_payloads` is set.
        keep_ids: False: keep nothing, so that an exchange may run for weeks.
    """

    made: dict[Series, list[tuple[Any, ...]]] = field(default_factory=dict)
    sent: dict[Series, list[tuple[Any, ...]]] = field(default_factory=dict)
    payloads: dict[Series, list[dict[str, Any]]] = field(default_factory=dict)
    keep_payloads: bool = False
    keep_ids: bool = True

    def note_made(self, event: Event) -> None:
        """Note one event whose id was spent."""
        if not self.keep_ids:
            return
        self.made.setdefault(series_of(event), []).append(event.identity)

    def note(self, event: Event) -> None:
        """Note one event that was sent."""
        if not self.keep_ids:
            return
        series = series_of(event)
        self.sent.setdefault(series, []).append(event.identity)
        if self.keep_payloads:
            self.payloads.setdefault(series, []).append(event.data)

    def withheld(self, series: Series) -> list[tuple[Any, ...]]:
        """Return what was made of a series and never sent, in the order made."""
        sent = Counter(self.sent.get(series, ()))
        lost = []
        for identity in self.made.get(series, ()):
            if sent[identity]:
                sent[identity] -= 1
            else:
                lost.append(identity)
        return lost

    @property
    def total(self) -> int:
        """Events sent in all."""
        return sum(len(identities) for identities in self.sent.values())


def series_of(event: Event) -> Series:
    """Return the series an event belongs to."""
    return event.product, event.stream, event.symbol
