"""WebSocket handshakes that are refused: too many connections, or a fault."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from websockets.datastructures import Headers
from websockets.http11 import Response

from connector.binance.products import Product
from connector.lab.rest.pages import PAGES

WINDOW_S = 300.0


@dataclass(slots=True)
class HandshakeAnswer:
    """An answer to handshakes in place of 101.

    Attributes:
        left: How many more handshakes it answers.
        product: Only those to this product's host; None: all.
    """

    status: int
    left: int
    retry_after_s: float | None = None
    product: Product | None = None

    def takes(self, products: Sequence[Product]) -> bool:
        """Return whether it answers a handshake to a host of these products; count it if so."""
        if self.left <= 0 or (self.product is not None and self.product not in products):
            return False
        self.left -= 1
        return True

    def response(self) -> Response:
        """Return the answer; its body is the page that REST has for the status, or a text."""
        headers = Headers({"Content-Type": "text/html"})
        if self.retry_after_s is not None:
            headers["Retry-After"] = f"{self.retry_after_s:g}"
        body = PAGES.get(self.status, "refused by the lab")
        return Response(self.status, "Refused", headers, body.encode())


class Handshakes:
    """Decides about each handshake.

    Attributes:
        answers: Those of faults; the first that takes a handshake answers it.
        seen: Handshakes so far.
        allowed: Connections one client may open in `WINDOW_S` seconds.
    """

    def __init__(self, allowed: int) -> None:
        self.answers: list[HandshakeAnswer] = []
        self.seen = 0
        self.allowed = allowed
        self._recent: deque[float] = deque()

    def refusal(self, products: Sequence[Product]) -> Response | None:
        """Return the answer that refuses a handshake to a host of these products, or None."""
        self.seen += 1
        now = time.monotonic()
        self._recent.append(now)
        while self._recent[0] <= now - WINDOW_S:
            self._recent.popleft()
        answer = next((answer for answer in self.answers if answer.takes(products)), None)
        if answer is not None:
            return answer.response()
        if len(self._recent) <= self.allowed:
            return None
        return Response(429, "Too Many Requests", Headers({"Retry-After": "5"}), b"")
