"""The scripted accounts of an exchange: their events go out here, and queries are answered here."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Raw

from connector.lab.account.account import Event, LabAccount
from connector.lab.account.ledger import LabProduct, Ledger
from connector.lab.account.listen_keys import ListenKey
from connector.lab.account.methods import METHODS
from connector.lab.account.private_urls import DELIVERING, STREAM_HOSTS, key_product
from connector.lab.account.queries import AccountQuery, Asked
from connector.lab.account.query_table import QUERIES
from connector.lab.account.requests import ApiRequest
from connector.lab.account.risk_account import RiskAccount
from connector.lab.account.script import AccountScript
from connector.lab.account.server import WsApiServer
from connector.lab.clock import Clock
from connector.lab.delivery import Delivery
from connector.lab.message import Message, encode
from connector.lab.rest.query import Complaint

OVERLOADED = (-1008, "Request throttled by system-level protection; the lab refused it.")
INVALID_SYMBOL = (-1121, "Invalid symbol.")
TICK_S = 1.0
# (account, its next events) -> what is sent in their place.
EventChange = Callable[[LabAccount, list[Event]], list[Event]]
_BY_METHOD = {(query.product, query.method): query for query in QUERIES if query.method}


@dataclass(slots=True)
class QueryFailure:
    """Calls of a query that fail.

    Attributes:
        name: Last part of its path, or its method: `userTrades`, `myTrades`.
        skip: Calls that are answered before.
        left: Calls that fail then.
    """

    name: str
    skip: int
    left: int

    def takes(self, query: AccountQuery) -> bool:
        """Count a call; return whether it fails."""
        if self.left <= 0 or self.name not in (query.path.rpartition("/")[2], query.method):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.left -= 1
        return True


class Accounts:
    """Every scripted account.

    Attributes:
        all: Product and name -> account; of one market `name.market`.
        changes: What faults do to events.
        failures: Queries that fail.
        unlisted: Symbols that queries refuse: -1121.
        cut: How many of the next events are cut in the middle.
        forms: Product -> URL forms of listenKey streams that deliver.
        restrictions: API key -> what differs from one that may read alone.
        scripts: Those that act while the exchange runs, each with its events a second.
    """

    def __init__(self, ws_api: WsApiServer, delivery: Delivery, clock: Clock) -> None:
        self.all: dict[tuple[LabProduct, str], LabAccount] = {}
        self.changes: list[EventChange] = []
        self.failures: list[QueryFailure] = []
        self.unlisted: set[str] = set()
        self.cut = 0
        self.forms = dict(DELIVERING)
        self.restrictions: dict[str, dict[str, bool]] = {}
        self.scripts: list[tuple[AccountScript, float]] = []
        self.clock = clock
        self.ws_api = ws_api
        self._delivery = delivery
        for _, method in _BY_METHOD:
            for name in {method, f"v2/{method}"} & METHODS.keys():
                ws_api.methods[name] = self._answer_method

    def add(self, account: LabAccount) -> None:
        """Serve an account; API keys whose account has its name query it and get its events."""
        self.all[account.product, full_name(account.name, account.market)] = account

    def publish(self, account: LabAccount, events: list[Event]) -> None:
        """Send events to everybody who is subscribed to the account."""
        self.end_what_expired()
        for change in list(self.changes):
            events = change(account, events)
        for event in events:
            payload = encode(event)
            if self.cut > 0:
                self.cut -= 1
                payload = payload[: len(payload) // 2]
            if account.product in ("spot", "margin"):
                name = subscribed_name(account.product, account.name, account.market)
                self.ws_api.send_event(name, Raw(payload))
            else:
                self._send_to_key(account, event["e"], payload)

    async def play(self, script: AccountScript, events_per_s: float) -> None:
        """Carry out a script's steps until cancelled; steps that are late are caught up with."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            events = script.step()
            self.publish(script.account, events)
            due_s += len(events) / events_per_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    # Queries

    def answer(self, query: AccountQuery, name: str, params: Mapping[str, str]) -> Any:
        """Return the answer to a query; of an account without a script as of an empty one.

        Raises:
            Complaint: the answer is an error.
        """
        if any(failure.takes(query) for failure in self.failures):
            raise Complaint(503, *OVERLOADED)
        if params.get("symbol") in self.unlisted:
            raise Complaint(400, *INVALID_SYMBOL)
        market = query.market_of(params)
        account = self.all.get((query.product, full_name(name, market)))
        asked = Asked(
            query.product,
            Ledger() if account is None else account.view,
            params,
            self.clock.now_ms(),
            query.window_ms,
            market,
            self._views(query.product, name),
            account.level if isinstance(account, RiskAccount) else "NORMAL",
            query.most_rows,
        )
        return query.answer(asked)

    def _views(self, product: LabProduct, name: str) -> dict[str | None, Ledger]:
        """Return what queries show of each market of an account."""
        return {
            own.market: own.view
            for own in self.all.values()
            if (own.product, own.name) == (product, name)
        }

    def _answer_method(self, request: ApiRequest) -> Any:
        query = _BY_METHOD.get((request.product, request.method.removeprefix("v2/")))
        if query is None or (query.product, request.account) not in self.all:
            return METHODS[request.method](request)
        params = {name: str(value) for name, value in request.params.items()}
        return self.answer(query, request.account, params)

    # listenKeys and listenTokens

    def end_what_expired(self) -> None:
        """End the subscriptions of listenTokens, and the listenKeys, whose time is over."""
        now_ms = self.clock.now_ms()
        for text, token in list(self.ws_api.tokens.items()):
            if token.expires_ms <= now_ms:
                self.ws_api.expire(text)
        self.announce_ended_keys()

    def announce_ended_keys(self) -> None:
        """Send `listenKeyExpired` for each key that has ended since the last call."""
        now_ms = self.clock.now_ms()
        for key in self.ws_api.listen_keys.take_ended(now_ms):
            kind = "listenKeyExpired"
            event = encode({"e": kind, "E": now_ms, "listenKey": key.text})
            for product in STREAM_HOSTS:
                if key_product(product) == key.product:
                    self._send(product, key, kind, event)

    async def run(self) -> None:
        """Play the scripts, and end what expires, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for script, events_per_s in self.scripts:
                tasks.create_task(self.play(script, events_per_s))
            while True:
                await asyncio.sleep(TICK_S)
                self.end_what_expired()

    def _send_to_key(self, account: LabAccount, kind: str, payload: bytes) -> None:
        keys = self.ws_api.listen_keys
        key = keys.find(key_product(account.product), account.name, self.clock.now_ms())
        if key is not None:
            self._send(account.product, key, kind, payload)

    def _send(self, product: str, key: ListenKey, kind: str, payload: bytes) -> None:
        host = STREAM_HOSTS[product]
        message = Message(host, key.text, payload)
        for session in self._delivery.clients(host):
            url = session.private
            if url.form in self.forms[product] and url.wants(key.text, kind):
                session.push(message)


def full_name(name: str, market: str | None) -> str:
    """Return the name of one market's part of an account."""
    return name if market is None else f"{name}.{market}"


def subscribed_name(product: LabProduct, name: str, market: str | None = None) -> str:
    """Return the account that a subscription of the WS API names: margin has its own."""
    return full_name(f"{name}.margin", market) if product == "margin" else name
