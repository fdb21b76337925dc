"""From the market to the connections: who is subscribed to what, and what faults do on the way."""

from collections.abc import Callable, Sequence

from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream
from connector.lab.client_session import Session
from connector.lab.clock import Clock
from connector.lab.message import Message
from connector.lab.oracle import Oracle
from connector.lab.session_host import RequestLimits

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
Delay = Callable[[int, Sequence[Product]], float | None]  # session's number, host's products
Wrap = Callable[[bytes, bytes], bytes]


class Delivery:
    """Every connection of every host.

    Attributes:
        sessions: The clients of each host, in the order they came.
        wanted: Subscribed streams, in the order of their first subscription. They are made until
            somebody unsubscribes, also while nobody is connected: a market does not wait.
        filters: What faults do to messages, in this order.
        muted: Names of streams that are withheld (pings are answered all the same).
        muted_all: Withhold everything.
        unmade: Decide which subscribed streams the market does not make.
        refused: Name -> code and text of the error that answers a SUBSCRIBE with it.
        delays: Decide, when a connection subscribes to a stream, how long its data waits:
            seconds, `math.inf` for as long as the connection lives, or None.
        wraps: Change the frame of a payload: (frame in the usual form, payload) -> frame.
        request_limits: None: requests of any size are answered.
        answer_delay_s: How much later than its effect a request is answered; inf: never.
        clock: Time of events.
    """

    def __init__(self, oracle: Oracle, clock: Clock | None = None) -> None:
        self.sessions: dict[str, list[Session]] = {host: [] for host in HOSTS}
        self.wanted: dict[tuple[Product, str], Stream] = {}
        self.filters: list[Filter] = []
        self.muted: set[str] = set()
        self.muted_all = False
        self.unmade: list[Callable[[Stream], bool]] = []
        self.refused: dict[str, tuple[int, str]] = {}
        self.delays: list[Delay] = []
        self.wraps: list[Wrap] = []
        self.request_limits: RequestLimits | None = None
        self.answer_delay_s = 0.0
        self.clock = clock or Clock()
        self._oracle = oracle

    def now_ms(self) -> int:
        """Return the exchange's time, in epoch milliseconds."""
        return self.clock.now_ms()

    def begin(self, stream: Stream) -> None:
        """Note a subscription."""
        self.wanted.setdefault((stream.product, stream.name), stream)

    def end(self, stream: Stream) -> None:
        """Note the end of a subscription: a stream without any is made no more."""
        sessions = self.sessions[HOST_OF[stream.product]]
        if not any(session.delivered.get(stream.name) == stream for session in sessions):
            self.wanted.pop((stream.product, stream.name), None)

    def made_streams(self) -> list[Stream]:
        """Return the subscribed streams that the market makes."""
        return [stream for stream in self.wanted.values() if self.makes(stream)]

    def makes(self, stream: Stream) -> bool:
        """Return whether the market makes events of a stream; a fault may prevent it."""
        return not any(unmade(stream) for unmade in self.unmade)

    def emit(self, message: Message) -> None:
        """Take a message of the market: its ids are spent, whoever gets it."""
        for event in message.events:
            self._oracle.note_made(event)
        if self.muted_all or message.name in self.muted:
            return
        batch: Sequence[Message] = (message,)
        for change in list(self.filters):
            batch = [after for before in batch for after in change(before)]
        for changed in batch:
            self.deliver(changed)

    def deliver(
        self, message: Message, to: Callable[[Session], bool] = lambda _session: True
    ) -> None:
        """Send a message to every connection, of those that `to` accepts, that has its stream."""
        for session in list(self.sessions[HOST_OF[message.product]]):
            stream = session.delivered.get(message.name)
            if stream is not None and stream.product == message.product and to(session):
                session.push(message)

    def left(self, message: Message) -> None:
        """Note that a message was written to a connection; the first time counts."""
        for part in message.parts or (message,):
            if not part.sent:
                part.sent = True
                for event in part.events:
                    self._oracle.note(event)
        message.sent = True

    def first_data_delay(self, number: int, products: Sequence[Product]) -> float | None:
        """Return how long the data of a session's new subscription waits; see `delays`."""
        found = [delay(number, products) for delay in self.delays]
        return max((seconds for seconds in found if seconds is not None), default=None)

    def clients(self, product: Product | None = None) -> list[Session]:
        """Return the connections to a product's host, or to all."""
        hosts = dict.fromkeys(HOST_OF[served] for served in PRODUCTS if product in (None, served))
        return [session for host in hosts for session in self.sessions[host]]

    def crowded(self) -> bool:
        """Return whether a client is so far behind that a source which can should wait for it."""
        return any(
            session.socket.unread() > CROWDED_BYTES
            for session in self.clients()
            if not session.socket.frozen
        )
