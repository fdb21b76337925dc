"""Orders, positions and balances of accounts, live in a terminal, from the account topic alone.

    python examples/python/account_view.py --brokers kafka-1:9093 --user risk \\
        --password-file password --ca-file ca.pem --registry https://registry:8081

Copy what you need: it is plain consumer code, and asks Binance nothing. The topic has events
(origin `live`) and fetched states (`snapshot`, `reconcile`) of each account, in one partition and
so in one order. Who takes them by the rule of `AccountView` has the account's truth again after
every break. It needs READ on the topic, and joins no group.
Needs `pip install aiokafka fastavro`.
"""

import argparse
import asyncio
import contextlib
import io
import json
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import fastavro
from aiokafka import AIOKafkaConsumer
from aiokafka.helpers import create_ssl_context

Record = Mapping[str, Any]
Place = tuple[str, str, str]  # account, product, market ("" where the product has one alone)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
ENDED = frozenset(  # FINISHED and REPLACED: of conditional orders
    {"FILLED", "CANCELED", "CANCELLED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH", "FINISHED"}
    | {"REPLACED"}
)
INTERVAL_S = 0.5  # between two pictures


@dataclass(frozen=True, slots=True)
class State:
    """What was last said of an order, a balance or a position; the newest ranks highest."""

    rank: tuple[Any, ...]
    values: Mapping[str, Any]


class AccountView:
    """What a topic's records so far say.

    Attributes:
        orders: By place, symbol and order id.
        fills: By `fill_key`, which is one for a fill however it came: each counts once.
        balances: By place and asset.
        positions: By place, symbol and side (BOTH, LONG, SHORT).
    """

    def __init__(self) -> None:
        self.orders: dict[tuple[Place, str, str], State] = {}
        self.fills: dict[str, Record] = {}
        self.balances: dict[tuple[Place, str], State] = {}
        self.positions: dict[tuple[Place, str, str], State] = {}

    def take(self, record: Record) -> None:
        """Take the next record of the topic.

        The newest transaction time wins, of equal ones the last record; of orders, before that,
        what has filled more. No state of an order is final: a stop that triggers is EXPIRED, then
        NEW, then FILLED under one id. What does not say its symbol or asset is no state.
        """
        place = record["account"], record["product"], record["market"] or ""
        happened = record["transaction_time"] or record["event_time"] or EPOCH
        if record["fill_key"] is not None:
            self.fills.setdefault(record["fill_key"], record)
        update = record["order_update"]
        if update is not None and update["order_status"] is not None and record["symbol"]:
            rank = happened, update["filled_quantity"] or Decimal(0)
            state = State(rank, {"client_order_id": record["client_order_id"], **update})
            _put(self.orders, (place, record["symbol"], _order_number(record)), state)
        for balance in record["balances"] or ():
            # Without an amount it says by how much it changed, and no more.
            if balance["asset"] and amount_of(balance) is not None:
                _put(self.balances, (place, balance["asset"]), State((happened,), balance))
        for position in record["positions"] or ():
            if not position["symbol"]:
                continue
            key = place, position["symbol"], position["position_side"] or "BOTH"
            _put(self.positions, key, State((happened,), position))

    def lines(self) -> list[str]:
        """Return open orders, positions and balances as lines for people, those of 0 left out."""
        lines = []
        for (place, symbol, number), state in sorted(self.orders.items()):
            if state.values["order_status"] not in ENDED:
                done = f"{_text(state.values['filled_quantity'])}/{_text(state.values['quantity'])}"
                row = (state.values["side"], symbol, done, "at", _text(state.values["price"]))
                lines.append(_line(place, "order", *row, state.values["order_status"], number))
        for (place, symbol, side), state in sorted(self.positions.items()):
            if state.values["quantity"]:
                row = (_text(state.values["quantity"]), "from", _text(state.values["entry_price"]))
                lines.append(_line(place, "position", symbol, side, *row))
        for (place, asset), state in sorted(self.balances.items()):
            amount, locked = amount_of(state.values), state.values["locked_amount"]
            if amount or locked:
                more = ("locked", _text(locked)) if locked else ()
                lines.append(_line(place, "balance", asset, _text(amount), *more))
        return [*lines, f"{len(self.fills)} fills"]


def _put(states: dict[Any, State], key: Any, state: State) -> None:
    """Keep a state unless the one before is newer."""
    before = states.get(key)
    if before is None or state.rank >= before.rank:
        states[key] = state


def _order_number(record: Record) -> str:
    """Return the id of an order within its symbol; conditional orders have ids of their own."""
    update = record["order_update"]
    if update["algo_id"]:
        return f"algo/{update['algo_id']}"
    if update["strategy_id"] and not record["order_id"]:
        return f"strategy/{update['strategy_id']}"
    return str(record["order_id"])


def amount_of(balance: Record) -> Decimal | None:
    """Return the free amount, of futures the wallet; None: it says neither."""
    amount: Decimal | None = balance["wallet_balance"]
    return balance["free_amount"] if amount is None else amount


def _line(place: Place, *words: str | None) -> str:
    account, product, market = place
    head = f"{account} {product}" + (f".{market}" if market else "")
    return f"{head:<24}" + " ".join(word for word in words if word)


def _text(value: Decimal | None) -> str:
    if value is None:
        return "?"
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


class Registry:
    """Schemas by id, from a Confluent-compatible registry; each is fetched once."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._schemas: dict[int, Any] = {}

    async def decode(self, value: bytes) -> Record:
        """Return the record in the value of a Kafka message."""
        number = int.from_bytes(value[1:5], "big")
        if number not in self._schemas:
            text = await asyncio.to_thread(self._fetch, number)
            self._schemas[number] = fastavro.parse_schema(json.loads(text))
        record: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), self._schemas[number], None)
        return dict(record)

    def _fetch(self, number: int) -> str:
        request = Request(f"{self._url}/schemas/ids/{number}")  # noqa: S310 - http(s), by whoever runs it
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return str(json.load(answer)["schema"])


async def records(
    topic: str, registry: Registry, **connection: Any
) -> AsyncGenerator[Record | None, None]:
    """Yield a topic's committed records from its beginning, for ever; None: none is there now."""
    consumer = AIOKafkaConsumer(
        topic,
        group_id=None,  # a group would need rights of its own
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **connection,
    )
    await consumer.start()
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=int(INTERVAL_S * 1000))
            for batch in batches.values():
                for message in batch:
                    if message.value is not None:
                        yield await registry.decode(message.value)
            if not batches:
                yield None
    finally:
        await consumer.stop()


def connection_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what aiokafka needs to connect: SASL_SSL with SCRAM where a user is named."""
    connection = {"bootstrap_servers": arguments.brokers}
    if arguments.user is None:
        return connection
    return connection | {
        "security_protocol": "SASL_SSL",
        "ssl_context": create_ssl_context(cafile=arguments.ca_file),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": arguments.user,
        "sasl_plain_password": Path(arguments.password_file).read_text().rstrip("\n"),
    }


async def show(arguments: argparse.Namespace) -> None:
    """Draw the view anew whenever it has changed, until interrupted."""
    view, registry, drawn_at, changed = AccountView(), Registry(arguments.registry), 0.0, True
    clear = "\x1b[2J\x1b[H" if sys.stdout.isatty() else ""
    async for record in records(arguments.topic, registry, **connection_of(arguments)):
        if record is not None and arguments.account in (None, record["account"]):
            view.take(record)
            changed = True
        if changed and (record is None or time.monotonic() - drawn_at >= INTERVAL_S):
            print(clear + "\n".join(view.lines()), flush=True)
            drawn_at, changed = time.monotonic(), False


def main() -> None:
    """Read the options and show the accounts."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    shown = "%(default)s"
    options.add_argument("--brokers", default="localhost:9092", help=shown)
    options.add_argument("--registry", default="http://localhost:8081", help=shown)
    options.add_argument("--topic", default="binance.account-events", help=shown)
    options.add_argument("--account", help="show this alias alone")
    options.add_argument("--user", help="logs in by SCRAM-SHA-512 over TLS")
    options.add_argument("--password-file", help="password of the user; needed with --user")
    options.add_argument("--ca-file", help="authority of the brokers, PEM")
    arguments = options.parse_args()
    if arguments.user and not arguments.password_file:
        options.error("--user needs --password-file")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(show(arguments))


if __name__ == "__main__":
    main()
