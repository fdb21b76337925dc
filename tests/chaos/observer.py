"""Sees everything the lab's market makes, whoever gets it: the truth a run is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.lab.clock import Clock
from connector.lab.delivery import Delivery
from connector.lab.exchange import Exchange
from connector.lab.market import Event
from connector.lab.message import Message
from connector.lab.oracle import Series, series_of

LISTED = ("MARKET", "BLOCK")  # what REST lists; USD-M ids spent without a fill it never does


@dataclass(frozen=True, slots=True)
class Made:
    """One event whose id has been spent.

    Attributes:
        identity: As the oracle has it.
        ms: When, in epoch milliseconds.
        span: First and last update id, of changes of a book.
        closed: The last word on a candle.
        wanted: Somebody has its stream subscribed, or had when the connection broke; the lab makes
            a few events more after the last one has unsubscribed.
        listed: REST tells of it, too, where REST tells of such events at all.
    """

    identity: tuple[Any, ...]
    ms: int
    span: tuple[int, int] | None = None
    closed: bool = False
    wanted: bool = True
    listed: bool = True


@dataclass(slots=True)
class Witness:
    """Stands before all faults and lets everything pass.

    Attributes:
        delivery: The lab's delivery that it observes.
        clock: The exchange's.
        made: Series -> its events, in order.
    """

    delivery: Delivery
    clock: Clock
    made: dict[Series, list[Made]] = field(default_factory=dict)

    def __call__(self, message: Message) -> Sequence[Message]:
        """Note a message's events; a filter of the lab's wire."""
        now_ms = self.clock.now_ms()
        wanted = (message.product, message.name) in self.delivery.wanted
        for event in message.events:
            self.made.setdefault(series_of(event), []).append(_made(event, now_ms, wanted))
        return (message,)


def watch(exchange: Exchange) -> Witness:
    """Return the witness of an exchange that has made nothing yet."""
    witness = Witness(exchange.delivery, exchange.clock)
    exchange.delivery.filters.insert(0, witness)
    return witness


def _made(event: Event, now_ms: int, wanted: bool) -> Made:
    data = event.data
    span = (data["U"], data["u"]) if "U" in data else None
    closed = bool(data["k"]["x"]) if isinstance(data.get("k"), dict) else False
    listed = data.get("X", "MARKET") in LISTED
    return Made(event.identity, now_ms, span, closed, wanted, listed)
