"""How one connection of the exchange cuts depth streams differently from another. Pure.

Two connections to one stream may get its changes grouped otherwise and stamped otherwise; the ids
agree (spot's push groups whatever changed since the last push to that server).
"""

from collections.abc import Sequence
from typing import Any

from connector.binance.products import Product
from connector.lab.message import Message, encode

KEYS = ("b", "a")


class DepthVariant:
    """Merges each two consecutive changes of a book into one, with `E` 1 ms later.

    A change that does not follow the kept one (something was skipped) is never merged with it: the
    gap stays where it was.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Product, str], Message] = {}

    def cut(self, message: Message) -> Sequence[Message]:
        """Return what is sent when a message comes: nothing, one, or a kept one before it."""
        data = message.events[0].data if len(message.events) == 1 else {}
        if data.get("e") != "depthUpdate" or "bids" in data:
            return (message,)
        key = (message.product, message.name)
        kept = self._kept.pop(key, None)
        if kept is None:
            self._kept[key] = message
            return ()
        if not _follows(data, kept.events[0].data):
            self._kept[key] = message
            return (_stamped((kept,), kept.events[0].data),)
        return (_stamped((kept, message), _merged(kept.events[0].data, data)),)


def _follows(data: dict[str, Any], before: dict[str, Any]) -> bool:
    if "pu" in data:
        return bool(data["pu"] == before["u"])
    return bool(data["U"] == before["u"] + 1)


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return one change for two: from the first's ids to the second's; later levels win."""
    levels = {key: [list(item) for item in dict(first[key] + second[key]).items()] for key in KEYS}
    begin = {key: first[key] for key in ("U", "pu") if key in first}
    return second | begin | levels


def _stamped(parts: tuple[Message, ...], data: dict[str, Any]) -> Message:
    last = parts[-1]
    payload = encode(data | {"E": data["E"] + 1})
    return Message(last.product, last.name, payload, parts=parts)
