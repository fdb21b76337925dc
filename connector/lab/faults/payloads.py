"""Faults of what is in a message: cut, with a wrong id, in another wrapper."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

from connector.binance.products import Product
from connector.lab.faults.install import Change, installed, through
from connector.lab.faults.target import Target
from connector.lab.message import Message, encode

WrapperForm = Literal["extra-key", "newline", "order", "spaces"]
_DATA = b',"data":'
# Event type -> wire keys of its ids; book tickers of spot and partial books have no event type.
_ID_KEYS = {"trade": ("t",), "aggTrade": ("a",), "blockTrade": ("t",), "depthUpdate": ("U", "u")}
_OTHER_ID_KEYS = ("u", "lastUpdateId")


@dataclass(frozen=True, slots=True)
class Malformed:
    """The payloads of the next n messages are cut in the middle: their events are lost."""

    n: int = 1
    stream: str | None = None
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Break n messages."""

        def broken(message: Message) -> Sequence[Message]:
            half = message.payload[: len(message.payload) // 2]
            return (Message(message.product, message.name, half),)

        await through(exchange, Change(broken, self.stream, self.product, self.n))


@dataclass(frozen=True, slots=True)
class IdJump:
    """The next n messages of a stream have ids far ahead; their own are never sent."""

    stream: str
    ahead: int = 50_000_000
    n: int = 1
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Change n messages; the ones after them have the usual ids."""

        def jump(message: Message) -> Sequence[Message]:
            data = json.loads(message.payload)
            keys = _ID_KEYS.get(data.get("e", ""), _OTHER_ID_KEYS)
            ids = {key: data[key] + self.ahead for key in keys if key in data}
            return (Message(message.product, message.name, encode(data | ids)),)

        await through(exchange, Change(jump, self.stream, self.product, self.n))


@dataclass(frozen=True, slots=True)
class Wrapper:
    """Every n-th frame has another form around its payload, which stays as it is.

    extra-key: one more key behind `data`. newline: one behind the frame. order: `data` before
    `stream`. spaces: between the keys. A raw connection gets the newline only.
    """

    form: WrapperForm = "extra-key"
    every: int = 1
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Change the frames of all connections."""
        numbers = count(1)

        def wrap(frame: bytes, payload: bytes) -> bytes:
            if next(numbers) % self.every:
                return frame
            return _wrapped(self.form, frame, payload)

        await installed(exchange.delivery.wraps, wrap, self.seconds)


def _wrapped(form: WrapperForm, frame: bytes, payload: bytes) -> bytes:
    if form == "newline":
        return frame + b"\n"
    if _DATA not in frame:  # raw, or changed by another fault already
        return frame
    stream = frame[1 : frame.index(_DATA)]
    if form == "extra-key":
        return frame[:-1] + b',"source":"lab"}'
    if form == "order":
        return b'{"data":' + payload + b"," + stream + b"}"
    return b"{ " + stream.replace(b":", b" : ", 1) + b' , "data" : ' + payload + b" }"
