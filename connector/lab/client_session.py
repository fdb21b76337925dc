"""One client of the lab's exchange: its subscriptions, its limits, and the answers it gets.

Answers and texts are Binance's: web-socket-streams.md 2026-07-21, the futures pages of 2026-05-28,
measurements of 2026-07-30.
"""

import asyncio
import json
import math
import time
from collections import deque
from typing import Any

from websockets.exceptions import ConnectionClosed

from connector.binance.products import LIMITS, Product
from connector.binance.stream_name import Stream, parse
from connector.errors import Refused
from connector.lab.account.private_urls import PrivateUrl
from connector.lab.client_socket import Socket
from connector.lab.depth_variants import DepthVariant
from connector.lab.message import Message, in_microseconds
from connector.lab.session_host import SessionHost

TOO_MANY_MESSAGES = (1008, "Too many requests")
TOO_MANY_STREAMS = (1008, "Too many streams")
_METHODS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


class Session:
    """A connection as the exchange sees it.

    Args:
        delivery: Where its streams come from.
        number: Of the exchange's connections so far, which one; the first is 0.
        depth_variant: Cuts depth streams in its own way; None: as they come.
        microseconds: Times are sent in microseconds.

    Attributes:
        subscribed: Names asked for, whatever they are: nonsense is acknowledged too.
        delivered: The streams among them that this connection's route really delivers.
        private: The listenKeys that its URL names.
        lost: Nothing that is sent from now on arrives.
        muted: Streams that are acknowledged and withheld until they are subscribed again.
        muted_all: Everything is withheld.
        waits_until: Name -> time before which its data is withheld, in seconds of the clock.
    """

    def __init__(
        self,
        socket: Socket,
        delivery: SessionHost,
        products: tuple[Product, ...],
        route: str | None,
        *,
        combined: bool,
        number: int = 0,
        depth_variant: DepthVariant | None = None,
        microseconds: bool = False,
    ) -> None:
        self.socket = socket
        self.number = number
        self._born = time.monotonic()
        self.private = PrivateUrl("", {})
        self.lost = False
        self.muted: set[str] = set()
        self.muted_all = False
        self.waits_until: dict[str, float] = {}
        self._delivery = delivery
        self._depth_variant = depth_variant
        self._microseconds = microseconds
        self._held: deque[Message] = deque()
        self.products = products
        self.route = route
        self.combined = combined
        self.subscribed: dict[str, None] = {}
        self.delivered: dict[str, Stream] = {}
        self._limits = LIMITS[products[-1]]
        self._messages: deque[float] = deque()

    def age(self) -> float:
        """Return the seconds since the connection began."""
        return time.monotonic() - self._born

    def over_limit(self) -> bool:
        """Count one message from the client, pongs included; return whether it is one too many."""
        now = time.monotonic()
        self._messages.append(now)
        while self._messages[0] <= now - 1.0:
            self._messages.popleft()
        return len(self._messages) > self._limits.messages_per_second

    def _most_streams(self) -> int:
        """Return the streams a connection may have: the least its products allow."""
        allowed = [LIMITS[s.product].streams_per_connection for s in self.delivered.values()]
        return min(allowed, default=self._limits.streams_per_connection)

    async def run(self) -> None:
        """Answer requests until the client is gone or breaks a limit."""
        try:
            async for message in self.socket:
                read = self.socket.read_of_message()
                if self.over_limit():
                    return await self.socket.close(*TOO_MANY_MESSAGES)
                await self._front_end(len(message), read)
                await self._send_answer(json.dumps(self.answer(message), separators=(",", ":")))
                if len(self.subscribed) > self._most_streams():
                    return await self.socket.close(*TOO_MANY_STREAMS)
        except ConnectionClosed:
            return None

    async def _send_answer(self, answer: str) -> None:
        delay_s = self._delivery.answer_delay_s
        if not delay_s:
            await self.socket.send(answer)
        elif delay_s < math.inf:
            asyncio.get_running_loop().call_later(delay_s, self.socket.put, answer.encode())

    async def _front_end(self, size: int, read: int) -> None:
        """Fail as the host in front of the exchange does on a large request."""
        limits = self._delivery.request_limits
        if limits is None:
            return
        if size > limits.lost:
            await self.socket.reset()
        elif size > limits.stuck:
            await self.socket.more_bytes(read)

    def answer(self, message: str | bytes) -> dict[str, Any]:
        """Return the answer to one request: flat, with the exchange's own texts."""
        try:
            request = json.loads(message)
        except (json.JSONDecodeError, UnicodeDecodeError):
            return {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}
        if not isinstance(request, dict) or "method" not in request:
            return _invalid("missing field `method` at line 1 column 1")
        number = request.get("id")
        if number is not None and not (isinstance(number, int) and number >= 0):
            return _invalid("request ID must be an unsigned integer")
        method, params = request["method"], request.get("params", [])
        handler = {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": lambda _: {"result": list(self.subscribed)},
            "SET_PROPERTY": self._set_property,
            "GET_PROPERTY": self._get_property,
        }.get(method)
        if handler is None:
            return _invalid(f"unknown variant `{method}`, expected one of {_METHODS}", number)
        return handler(params) | {"id": number}

    def _subscribe(self, names: list[str]) -> dict[str, Any]:
        refused = next((name for name in names if name in self._delivery.refused), None)
        if refused is not None:  # the request as a whole: nothing of it is subscribed
            code, text = self._delivery.refused[refused]
            return {"code": code, "msg": text}
        for name in names:
            self.subscribed[name] = None
            self.muted.discard(name)
            stream = self._deliverable(name)
            if stream is not None:
                self._wait_for_data(name)
                self.delivered[name] = stream
                self._delivery.begin(stream)
        return {"result": None}

    def _wait_for_data(self, name: str) -> None:
        """Note until when a new subscription has no data; one that never gets any keeps that."""
        delay = self._delivery.first_data_delay(self.number, self.products)
        if delay is not None and self.waits_until.get(name) != math.inf:
            self.waits_until[name] = self._delivery.clock.seconds() + delay

    def _deliverable(self, name: str) -> Stream | None:
        """Return the stream if this host and route deliver it; None: it never has data."""
        for product in self.products:
            try:
                stream = parse(product, name)
            except Refused:
                continue
            routed = product in ("usdm", "options")
            if not routed or stream.row.route == (self.route or "/public"):
                return stream
        return None

    def _unsubscribe(self, names: list[str]) -> dict[str, Any]:
        for name in names:
            self.subscribed.pop(name, None)
            stream = self.delivered.pop(name, None)
            if stream is not None:
                self._delivery.end(stream)
        return {"result": None}

    def _set_property(self, params: list[Any]) -> dict[str, Any]:
        if params[:1] != ["combined"]:
            return {"code": 0, "msg": "Unknown property"}
        if len(params) != 2 or not isinstance(params[1], bool):  # noqa: PLR2004 - name and value
            return {"code": 1, "msg": "Invalid value type: expected Boolean"}
        self.combined = params[1]
        return {"result": None}

    def _get_property(self, params: list[Any]) -> dict[str, Any]:
        if params[:1] != ["combined"]:
            return {"code": 0, "msg": "Unknown property"}
        return {"result": self.combined}

    def push(self, message: Message) -> None:
        """Send a message, or keep it while the connection is frozen."""
        if self.lost or self.muted_all or message.name in self.muted or self._waits(message.name):
            return
        if self.socket.frozen:
            self._held.append(message)
            return
        cut = self._depth_variant.cut if self._depth_variant else lambda message: (message,)
        for part in cut(message):
            payload = in_microseconds(part.payload) if self._microseconds else part.payload
            if self.socket.put(self.wrap(part.name, payload)):
                self._delivery.left(part)

    def _waits(self, name: str) -> bool:
        until = self.waits_until.get(name)
        return until is not None and self._delivery.clock.seconds() < until

    def withhold(self, name: str | None) -> None:
        """Send nothing of a stream, or (None) nothing at all."""
        if name is None:
            self.muted_all = True
        elif name in self.delivered:
            self.muted.add(name)

    def release(self, name: str | None) -> None:
        """End `withhold`."""
        if name is None:
            self.muted_all = False
        else:
            self.muted.discard(name)

    def thaw(self) -> None:
        """End a freeze: what was kept is sent at once, as TCP would do it."""
        self.socket.thaw()
        while self._held:
            self.push(self._held.popleft())

    def wrap(self, name: str, payload: bytes) -> bytes:
        """Return a payload as this connection gets it: wrapped with the stream's name, or raw."""
        frame = wrapped(name, payload) if self.combined else payload
        for wrap in self._delivery.wraps:
            frame = wrap(frame, payload)
        return frame


def wrapped(name: str, payload: bytes) -> bytes:
    """Return a payload in the combined form."""
    stream = json.dumps(name, ensure_ascii=False).encode()
    return b'{"stream":' + stream + b',"data":' + payload + b"}"


def _invalid(text: str, number: Any = None) -> dict[str, Any]:
    answer = {"code": 2, "msg": f"Invalid request: {text}"}
    return answer if number is None else answer | {"id": number}
