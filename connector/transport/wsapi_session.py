"""What a WS API connection must have again after a reconnect: its log-on and its subscriptions."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.binance import wsapi_messages, wsapi_methods
from connector.binance.signing import ApiParams, Credentials
from connector.binance.wsapi_messages import SubscriptionRow, WsApiAnswer, WsApiEvent
from connector.errors import Fatal, Refused, Retry

Keys = Callable[[], Credentials]  # read anew at each signature: a key file may change


@dataclass(slots=True, eq=False)
class UserSubscription:
    """A subscription to one account's events.

    Attributes:
        method: userDataStream.subscribe, .subscribe.signature or .subscribe.listenToken.
        label: The caller's name of it, such as the account's alias.
        params: Of the request, without those of the signature.
        keys: Its account's keys; None: those of the client.
        id: `subscriptionId` on the present connection; None: not subscribed now. Ids begin again
            on every connection.
    """

    method: str
    label: str = ""
    params: ApiParams = field(default_factory=dict, repr=False)
    keys: Keys | None = field(default=None, repr=False)
    id: int | None = None


@dataclass(frozen=True, slots=True)
class UserEvent:
    """An event as received.

    Attributes:
        subscription: Whose it is; None: it is about the connection (serverShutdown), or its
            subscription has ended.
        payload: Its JSON, without the wrapper; it may hold a listenKey.
        received_us: When it was read from the socket, epoch microseconds.
    """

    subscription: UserSubscription | None
    payload: bytes = field(repr=False)
    received_us: int


@dataclass(frozen=True, slots=True)
class UnreadableFrame:
    """A frame that cannot be read: it may hold an event of any subscription of the connection.

    Attributes:
        frame: As received; it may hold a secret.
        received_us: When it was read from the socket, epoch microseconds.
    """

    frame: bytes = field(repr=False)
    received_us: int


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Events of this subscription follow: at the first time, and again after a reconnect."""

    subscription: UserSubscription


@dataclass(frozen=True, slots=True)
class SubscriptionFailed:
    """A subscription could not be had again after a reconnect; it is forgotten."""

    subscription: UserSubscription
    cause: Exception


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection has ended: events are missed from here to the next `Subscribed`.

    Attributes:
        whole_until_us: As `FrameReader.whole_until_us`.
        is_revoked: The exchange ended the session: its key may have been taken away.
    """

    cause: str
    whole_until_us: int
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class ApiRefused:
    """The exchange refuses us for good, such as for a rejected key, or a bug: nothing follows."""

    cause: Refused | Fatal


WsApiItem = (
    UserEvent | UnreadableFrame | Subscribed | SubscriptionFailed | ConnectionLost | ApiRefused
)
ReceiveItem = Callable[[WsApiItem], None]


class ApiSession:
    """Log-on and subscriptions of a client; `receive` gets its items in their order."""

    def __init__(self, receive: ReceiveItem | None) -> None:
        self._receive = receive or _ignore
        self.logged_on = False
        self.subscriptions: list[UserSubscription] = []

    @property
    def is_subscribed(self) -> bool:
        """Whether anything is subscribed on the present connection."""
        return any(own.id is not None for own in self.subscriptions)

    def on_subscribed(self, subscription: UserSubscription, answer: WsApiAnswer) -> None:
        """Note the answer to a subscribing request, before any event that follows it."""
        if answer.error is not None:
            return
        try:
            row = wsapi_messages.result_of(subscription.method, answer, SubscriptionRow)
        except Retry:
            return  # whoever made the request is told
        subscription.id = row.subscriptionId
        if subscription not in self.subscriptions:
            self.subscriptions.append(subscription)
        self._receive(Subscribed(subscription))

    def on_called(self, method: str, params: ApiParams) -> None:
        """Note what a call that has succeeded changes."""
        if method == wsapi_methods.LOG_ON:
            self.logged_on = True
        elif method == wsapi_methods.LOG_OFF:
            self.logged_on = False
            self._keep(lambda own: own.method != wsapi_methods.SUBSCRIBE)
        elif method == wsapi_methods.UNSUBSCRIBE:
            ended = params.get("subscriptionId")  # None: all
            self._keep(lambda own: ended is not None and own.id != ended)

    def _keep(self, is_kept: Callable[[UserSubscription], bool]) -> None:
        self.subscriptions = [own for own in self.subscriptions if is_kept(own)]

    def on_failed(self, subscription: UserSubscription, cause: Exception) -> None:
        """Forget a subscription that could not be had again."""
        self.subscriptions.remove(subscription)
        self._receive(SubscriptionFailed(subscription, cause))

    def on_event(self, event: WsApiEvent, received_us: int) -> str:
        """Pass an event on with its subscription; forget one that the exchange terminates.

        Returns: the type of an event about the connection; "" for those of accounts.
        """
        payload = bytes(event.event)
        owner = None
        if event.subscriptionId is not None:
            ids = (own for own in self.subscriptions if own.id == event.subscriptionId)
            owner = next(ids, None)
        self._receive(UserEvent(owner, payload, received_us))
        if owner is not None and _is_termination(payload):
            self.subscriptions.remove(owner)
            owner.id = None
        return wsapi_messages.event_type(payload) if event.subscriptionId is None else ""

    def on_unreadable(self, frame: bytes, received_us: int) -> None:
        """Pass on a frame that cannot be read."""
        self._receive(UnreadableFrame(frame, received_us))

    def on_lost(self, lost: ConnectionLost) -> None:
        """Note that the connection has ended, and with it all ids."""
        for subscription in self.subscriptions:
            subscription.id = None
        self._receive(lost)

    def on_refused(self, cause: Refused | Fatal) -> None:
        """Report that there will be no other connection."""
        self._receive(ApiRefused(cause))


def _is_termination(payload: bytes) -> bool:
    named = b"eventStreamTerminated" in payload  # so that other events are not decoded
    return named and wsapi_messages.event_type(payload) == "eventStreamTerminated"


def _ignore(_item: WsApiItem) -> None:
    """Take an item that nobody wants."""
