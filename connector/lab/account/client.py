"""One client of the lab's WS API: the frames it sends, and the answers and events it gets.

Statuses, codes and texts: web-socket-api.md and errors.md of binance-spot-api-docs, 2026-07-21.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from websockets.exceptions import ConnectionClosed

from connector.binance import wsapi_methods
from connector.binance.wsapi_methods import WsApiProduct
from connector.lab.account import requests
from connector.lab.account.keys import LabKey
from connector.lab.account.methods import AnswerMethod
from connector.lab.account.requests import ApiRequest
from connector.lab.account.session import SESSION_METHODS, ApiSession, SessionHost
from connector.lab.client_socket import Socket
from connector.lab.rest.limits import TOO_MUCH, Meter, Verdict
from connector.lab.rest.query import Complaint

OK, SLOW_DOWN, BANNED = 200, 429, 418
OVERLOADED = -1008
UNSUPPORTED = (-1020, "This operation is not supported.")


class _Request(msgspec.Struct):
    method: str
    params: dict[str, Any] = {}
    id: int | str | None = None


_decode_request = msgspec.json.Decoder(_Request).decode


class ApiHost(SessionHost, Protocol):
    """What a client needs of its server."""

    methods: dict[str, AnswerMethod]
    refusals: list[tuple[int, float]]
    silent: bool

    def count(self, product: WsApiProduct, weight: int) -> tuple[Meter, Verdict]:
        """Count a call's weight."""
        ...


class ApiClient:
    """A connection as the WS API sees it.

    Attributes:
        asked: Requests in their order: method and parameters.
    """

    def __init__(self, socket: Socket, host: ApiHost, product: WsApiProduct, url: str) -> None:
        self.socket = socket
        self.product = product
        shows_limits = "returnRateLimits=false" not in url
        self.session = ApiSession(host, product, shows_limits, host.now_ms())
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self._host = host

    async def run(self) -> None:
        """Answer requests until the client is gone or is cut off."""
        try:
            async for frame in self.socket:
                if not self._answer(frame):
                    return
        except ConnectionClosed:
            return

    def send(self, message: Any) -> None:
        """Send a message as JSON."""
        self.socket.put(msgspec.json.encode(message))

    def send_event(self, account: str, payload: Any) -> int:
        """Send an event to this client's subscriptions of an account; return how many."""
        ids = self.session.ids(account)
        for number in ids:
            self.send({"subscriptionId": number, "event": payload})
        return len(ids)

    def end_session(self) -> None:
        """Tell the client that its key has been revoked."""
        self.session.key = None
        self.send({"id": None, "status": 401, "error": _error(*requests.REJECTED)})

    def terminate(self, numbers: list[int]) -> None:
        """End subscriptions, each with its event."""
        for number in numbers:
            del self.session.subscriptions[number]
            event = {"e": "eventStreamTerminated", "E": self._host.now_ms()}
            self.send({"subscriptionId": number, "event": event})

    def _answer(self, frame: str | bytes) -> bool:
        """Answer one request; False: the client is cut off."""
        try:
            request = _decode_request(frame)
        except msgspec.DecodeError:
            self.send({"id": None, "status": 400, "error": _error(-1135, "Invalid JSON Request")})
            return True
        method, params = request.method, request.params
        self.asked.append((method, params))
        weight = wsapi_methods.call_weight(self.product, method, params)
        meter, verdict = self._host.count(self.product, weight)
        if self._host.silent:
            return True
        answer: dict[str, Any] = {"id": request.id}
        answer |= self._refusal(verdict) or self._result(method, params)
        if self.session.shows_limits and params.get("returnRateLimits", True):
            answer["rateLimits"] = [meter.rate_limits()[0] | {"count": meter.used}]
        self.send(answer)
        ended, self.session.ended = self.session.ended, []
        self.terminate(ended)
        return bool(answer["status"] != BANNED)

    def _refusal(self, verdict: Verdict) -> dict[str, Any] | None:
        """Return the answer to a call that is not looked at: too many calls, or a fault."""
        status, wait_s = verdict.status, float(verdict.headers.get("Retry-After", "0"))
        text = verdict.text
        if status == OK:
            if not self._host.refusals:
                return None
            status, wait_s = self._host.refusals.pop(0)
            text = "refused by the lab"
        if status not in (SLOW_DOWN, BANNED):
            return {"status": status, "error": _error(OVERLOADED, text)}
        now_ms = self._host.now_ms()
        data = {"serverTime": now_ms, "retryAfter": now_ms + round(wait_s * 1000)}
        return {"status": status, "error": _error(TOO_MUCH, text) | {"data": data}}

    def _result(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return status and result of a call, or its error."""
        try:
            return {"status": OK, "result": self._call(method, params)}
        except Complaint as complaint:
            return {"status": complaint.status, "error": _error(complaint.code, str(complaint))}

    def _call(self, method: str, params: Mapping[str, Any]) -> Any:
        """Return a call's result; raises Complaint."""
        if method not in wsapi_methods.METHODS[self.product]:
            raise Complaint(400, *UNSUPPORTED)
        key = self._key(method, params)
        if method in SESSION_METHODS:
            return SESSION_METHODS[method](self.session, params, key)
        if method not in self._host.methods:
            raise Complaint(400, *UNSUPPORTED)
        request = ApiRequest(self.product, method, params, key, self._host.now_ms())
        return self._host.methods[method](request)

    def _key(self, method: str, params: Mapping[str, Any]) -> LabKey | None:
        """Return the key of a call: its own, or that of its session; raises Complaint."""
        keys, session_key = self._host.keys, self.session.key
        security = wsapi_methods.find_method(self.product, method).security
        if security == "key":
            return requests.key_of(params, keys)
        if security == "signed":
            if method == wsapi_methods.LOG_ON:
                requests.check_may_log_on(params, keys)
            return requests.check_signed(params, keys, session_key, self._host.now_ms())
        if {"apiKey", "signature"} & params.keys():
            text = f"Too many parameters; expected '0' and received '{len(params)}'."
            raise Complaint(400, -1101, text)
        return session_key


def _error(code: int, text: str) -> dict[str, Any]:
    return {"code": code, "msg": text}
