"""A request to the lab's WS API, and the exchange's checks of its key, time and signature. Pure.

Codes and texts: errors.md and web-socket-api.md of binance-spot-api-docs (2026-07-21), measurements
of 2026-07-31 (-1193, -2028). The time is checked before the signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from connector.binance.wsapi_methods import WsApiProduct
from connector.lab.account.keys import WELL_FORMED, LabKey
from connector.lab.rest.query import Complaint, mandatory

DEFAULT_WINDOW_MS, MAX_WINDOW_MS = 5_000, 60_000
AHEAD_MS = 1_000
BAD_FORMAT = (-2014, "API-key format invalid.")
REJECTED = (-2015, "Invalid API-key, IP, or permissions for action.")
BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
NOT_LOGGED_ON = (-1193, "WebSocket session not authenticated")
NO_LOG_ON = (-2028, "HMAC-SHA-256 API key is not supported")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request that has passed its checks.

    Attributes:
        key: The key that signs it, or that its session is logged on with; None: neither.
        now_ms: The exchange's time, epoch milliseconds.
    """

    product: WsApiProduct
    method: str
    params: Mapping[str, Any]
    key: LabKey | None
    now_ms: int

    @property
    def account(self) -> str:
        """Name of the account that the request is about; raises Complaint without a key."""
        if self.key is None:
            raise Complaint(401, *NOT_LOGGED_ON)
        return self.key.account


def key_of(params: Mapping[str, Any], keys: Mapping[str, LabKey]) -> LabKey:
    """Return the key that the request names; raises Complaint."""
    name = params.get("apiKey")
    if not name:
        raise mandatory("apiKey")
    if not WELL_FORMED.fullmatch(str(name)):
        raise Complaint(401, *BAD_FORMAT)
    if name not in keys:
        raise Complaint(401, *REJECTED)
    return keys[name]


def check_signed(
    params: Mapping[str, Any], keys: Mapping[str, LabKey], session: LabKey | None, now_ms: int
) -> LabKey:
    """Return the key of a signed request; raises Complaint.

    `session`: the key that the connection is logged on with. Then the request may leave out key
    and signature, but not the time.
    """
    if session is not None and "apiKey" not in params and "signature" not in params:
        key_of({"apiKey": session.api_key}, keys)
        check_time(params, now_ms)
        return session
    key = key_of(params, keys)
    check_time(params, now_ms)
    if not params.get("signature"):
        raise mandatory("signature")
    if not key.accepts(params):
        raise Complaint(400, *BAD_SIGNATURE)
    return key


def key_of_header(api_key: str, keys: Mapping[str, LabKey]) -> LabKey:
    """Return the key in the header of a REST call; raises Complaint."""
    if not api_key:
        raise Complaint(401, *BAD_FORMAT)
    return key_of({"apiKey": api_key}, keys)


def check_rest(query: str, api_key: str, keys: Mapping[str, LabKey], now_ms: int) -> LabKey:
    """Return the key of a signed REST call; raises Complaint.

    `query`: as it was sent: its text without the signature is what is signed.
    """
    key = key_of_header(api_key, keys)
    params: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    for name in ("timestamp", "recvWindow"):
        if str(params.get(name, "")).isdecimal():
            params[name] = int(params[name])
    check_time(params, now_ms)
    if not params.get("signature"):
        raise mandatory("signature")
    signed = "&".join(part for part in query.split("&") if not part.startswith("signature="))
    if not key.accepts_text(signed, str(params["signature"])):
        raise Complaint(400, *BAD_SIGNATURE)
    return key


def check_time(params: Mapping[str, Any], now_ms: int) -> None:
    """Check `timestamp` and `recvWindow`; raises Complaint."""
    timestamp, window_ms = params.get("timestamp"), params.get("recvWindow", DEFAULT_WINDOW_MS)
    if not isinstance(timestamp, int) or isinstance(timestamp, bool):
        raise mandatory("timestamp")
    if not isinstance(window_ms, int | float) or not 0 < window_ms <= MAX_WINDOW_MS:
        text = f"'recvWindow' contains unexpected value. Cannot be greater than '{MAX_WINDOW_MS}'."
        raise Complaint(400, -1102, text)
    if timestamp >= now_ms + AHEAD_MS:
        text = "Timestamp for this request was 1000ms ahead of the server's time."
        raise Complaint(400, -1021, text)
    if now_ms - timestamp > window_ms:
        raise Complaint(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def check_may_log_on(params: Mapping[str, Any], keys: Mapping[str, LabKey]) -> None:
    """Check that a session may be logged on with the key: Ed25519 alone; raises Complaint."""
    if not key_of(params, keys).is_ed25519:
        raise Complaint(400, *NO_LOG_ON)
