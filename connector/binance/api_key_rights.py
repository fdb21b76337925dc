"""What an API key may do, as the exchange says it. Pure.

Source: "Get API Key Permission" of the wallet API, developers.binance.com, 2026-05-28; changelog
2023-11-02 (portfolio margin), 2025 (FIX). The testnets and demo do not serve it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from connector.errors import Refused

PATH = "/sapi/v1/account/apiRestrictions"
WEIGHT = 1
_READING = frozenset({"enableReading", "enableFixReadOnly"})
# Rights with which money leaves the account that the key is of.
MOVING: Mapping[str, str] = {
    "enableWithdrawals": "withdraw",
    "enableInternalTransfer": "transfer between master and sub-account",
    "permitsUniversalTransfer": "transfer between wallets and accounts",
}
TRADING: Mapping[str, str] = {
    "enableSpotAndMarginTrading": "trade on spot and margin",
    "enableMargin": "borrow, repay and transfer on margin",
    "enableFutures": "trade futures",
    "enableVanillaOptions": "trade options",
    "enablePortfolioMarginTrading": "trade in portfolio margin",
    "enableFixApiTrade": "trade through FIX",
}


class _Restrictions(msgspec.Struct):
    ip_restricted: bool = msgspec.field(name="ipRestrict")
    reading: bool = msgspec.field(name="enableReading")


@dataclass(frozen=True, slots=True)
class ApiKeyRights:
    """The rights of one key.

    Attributes:
        ip_restricted: It is taken from listed addresses alone.
        reading: It may read.
        moving, trading: What it may do beyond reading, in words.
        unknown: Rights that it has and this version does not know, by their wire names.
    """

    ip_restricted: bool
    reading: bool
    moving: tuple[str, ...]
    trading: tuple[str, ...]
    unknown: tuple[str, ...]


def read_rights(body: bytes) -> ApiKeyRights:
    """Return the rights of an answer; raises Refused if it is none."""
    try:
        known = msgspec.json.decode(body, type=_Restrictions)
        answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(f"{PATH}: the answer is no list of rights") from None
    granted = [name for name, value in answer.items() if bytes(value) == b"true"]
    known_names = {"ipRestrict", *_READING, *MOVING, *TRADING}
    return ApiKeyRights(
        known.ip_restricted,
        known.reading,
        tuple(text for name, text in MOVING.items() if name in granted),
        tuple(text for name, text in TRADING.items() if name in granted),
        tuple(sorted(set(granted) - known_names)),
    )
