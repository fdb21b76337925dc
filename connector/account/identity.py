"""The keys by which events and fills are told apart, however they came. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from connector.binance.account_events.layout import EventLayout

DIGEST_CHARACTERS = 16
MAX_VALUE_CHARACTERS = 64


def fill_key(
    account: str,
    product: str,
    symbol: str,
    trade_id: int,
    order_id: str,
    market: str | None = None,
) -> str:
    """Return the key of a fill: the same from an event, from REST, and from TRADE_LITE.

    The order's id is in it: a trade with oneself is one trade and two fills. `market`: UM or CM of
    portfolio margin, whose trade ids are counted apart; the symbol of an isolated margin account.
    """
    return f"{account}/{place_of(product, market)}/{symbol}/{trade_id}/{order_id}"


def place_of(product: str, market: str | None) -> str:
    """Return product and market as keys have them: `spot`, `margin.BTCUSDT`."""
    return product if market is None else f"{product}.{market}"


def payload_digest(payload: bytes) -> str:
    """Return a short digest of an event's JSON: equal events have equal ones."""
    return hashlib.sha256(payload).hexdigest()[:DIGEST_CHARACTERS]


def dedupe_key(
    account: str,
    layout: EventLayout,
    loose: Mapping[str, Any],
    digest: str,
    market: str | None = None,
) -> str:
    """Return the key of an event: by its layout's values, else by the digest of its JSON.

    Args:
        account: Its alias.
        layout: The event's.
        loose: The event decoded, with the wrapper's `subscriptionId`, or a row with its `as_of`.
        digest: Of the payload.
        market: Of a row, or the symbol of isolated margin, where the payload does not name it.

    No value of a secret is in the key, but its digest.
    """
    head = f"{account}/{place_of(layout.product, market)}/{layout.event}"
    values = []
    for path in layout.dedupe:
        value = value_at(loose, path)
        if value is None:
            return f"{head}/{digest}"
        values.append(_key_text(value, is_secret=path in layout.secret))
    return "/".join((head, *(values or [digest])))


def secrets_of(layout: EventLayout, loose: Mapping[str, Any]) -> set[str]:
    """Return the texts that stand where the layout says there are secrets."""
    values = (value_at(loose, path) for path in layout.secret)
    return {value for value in values if isinstance(value, str) and value}


def distinct_key(key: str, digest: str) -> str:
    """Return the key of an event whose key another event with another payload has already."""
    return f"{key}/{digest}"


def value_at(loose: Mapping[str, Any], path: str) -> Any:
    """Return the value at a wire path such as `o.s`; None: there is none."""
    value: Any = loose
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _key_text(value: Any, *, is_secret: bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if is_secret or len(text) > MAX_VALUE_CHARACTERS:
        return payload_digest(text.encode())
    return text
