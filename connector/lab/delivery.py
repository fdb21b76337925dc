"""Between the market and the connections: who gets what, and what goes wrong on the way."""

import time
from collections.abc import Callable, Sequence

from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream
from connector.lab.client_session import Session
from connector.lab.message import Message
from connector.lab.oracle import Oracle

HOSTS: dict[str, tuple[Product, ...]] = {
    "spot": ("spot",),
    "fstream": ("options", "usdm"),
    "dstream": ("coinm",),
}
HOST_OF: dict[Product, str] = {
    product: host for host, products in HOSTS.items() for product in products
}
CROWDED_BYTES = 1024 * 1024
Filter = Callable[[Message], Sequence[Message]]


class Delivery:
    """Every connection of every host.

    Attributes:
        sessions: The clients of each host, in the order they came.
        wanted: Streams somebody has subscribed to. They are made until somebody unsubscribes,
            also while nobody is connected: a market does not wait.
        filters: What faults do to messages, in this order.
        muted: Names of streams that are withheld (pings are answered all the same).
        muted_all: Withhold everything.
        refused: Name -> code and text of the error that answers whoever subscribes to it.
        skew_ms: How far the exchange's clock is ahead of this machine's.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.sessions: dict[str, list[Session]] = {host: [] for host in HOSTS}
        self.wanted: dict[tuple[Product, str], Stream] = {}
        self.filters: list[Filter] = []
        self.muted: set[str] = set()
        self.muted_all = False
        self.refused: dict[str, tuple[int, str]] = {}
        self.skew_ms = 0
        self._oracle = oracle

    def now_ms(self) -> int:
        """Return the exchange's time, in milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + self.skew_ms

    def begin(self, stream: Stream) -> None:
        """Somebody has subscribed to a stream."""
        self.wanted.setdefault((stream.product, stream.name), stream)

    def end(self, stream: Stream) -> None:
        """Somebody has unsubscribed: a stream no one else reads is made no more."""
        sessions = self.sessions[HOST_OF[stream.product]]
        if not any(session.delivered.get(stream.name) == stream for session in sessions):
            self.wanted.pop((stream.product, stream.name), None)

    def emit(self, message: Message) -> None:
        """Let a message of the market out: its ids are spent, whoever gets it."""
        for event in message.events:
            self._oracle.note_made(event)
        if self.muted_all or message.name in self.muted:
            return
        batch: Sequence[Message] = (message,)
        for change in list(self.filters):
            batch = [after for before in batch for after in change(before)]
        for one in batch:
            self.deliver(one)

    def deliver(self, message: Message) -> None:
        """Send a message to every connection that has its stream."""
        for session in list(self.sessions[HOST_OF[message.product]]):
            stream = session.delivered.get(message.name)
            if stream is not None and stream.product == message.product:
                session.push(message)

    def left(self, message: Message) -> None:
        """Note that a message has left for a connection; the first time counts."""
        for one in message.parts or (message,):
            if not one.sent:
                one.sent = True
                for event in one.events:
                    self._oracle.note(event)
        message.sent = True

    def clients(self, product: Product | None = None) -> list[Session]:
        """Return the connections to a product's host, or to all."""
        hosts = dict.fromkeys(HOST_OF[one] for one in PRODUCTS if product in (None, one))
        return [session for host in hosts for session in self.sessions[host]]

    def crowded(self) -> bool:
        """Say whether a client is so far behind that those who can should wait for it."""
        return any(
            session.socket.unread() > CROWDED_BYTES
            for session in self.clients()
            if not session.socket.frozen
        )
