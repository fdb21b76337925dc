"""`bkc backfill` against the lab's exchange and the embedded broker: only what is missing."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from confluent_kafka import Consumer, KafkaError, TopicPartition

from connector.backfill.manual.request import FillRequest, SpanResolver
from connector.binance.stream_name import Stream, parse
from connector.codec.avro import decode_record
from connector.codec.schema import load
from connector.errors import Refused, Retry
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.market import Event, Market
from connector.lab.registry import Registry
from connector.lab.rest import Call, Next
from connector.lab.rest import Rest as LabRest
from connector.transport.rest import RestClient
from tests.support.avro_oracle import read_avro
from tests.support.manual_backfill import (
    BTC,
    TRADES,
    answer,
    apart,
    away_after,
    backfill,
    bkc,
    lose,
    lost,
    made,
)
from tests.support.manual_backfill import spans as spans_of
from tests.support.verify import Topics
from tests.support.waiting import until
from tests.support.worker import World, world

pytestmark = pytest.mark.lab
OFF = {"enabled": False}
IMPATIENT = {"patience": "0s"}
SPOT_TRADES = parse("spot", "btcusdt@trade")
KLINES = parse("spot", "btcusdt@kline_1m")


async def after_a_fault(here: World, number: int = 7) -> tuple[int, int]:
    """Lose some trades in the middle; return the first and the last id."""
    sent = here.exchange.oracle.sent
    await here.until_flowing()
    await until(lambda: len(sent.get(BTC, ())) > 50)
    await lose(here.exchange, number)
    before = len(sent[BTC])
    await until(lambda: len(sent[BTC]) > before + 50)
    ids = lost(here.exchange)
    assert ids == list(range(ids[0], ids[0] + number))
    return ids[0], ids[-1]


async def test_exactly_the_hole_is_filled_beside_the_running_worker(tmp_path: Path) -> None:
    async with world(tmp_path, TRADES, backfill=OFF) as here:
        first, last = await after_a_fault(here)
        words = ("backfill", "-c", str(here.path), "--product", "spot", "--stream", BTC[1])
        asked = ("--from-id", str(made(here.exchange)[0]))

        code, report = await asyncio.to_thread(apart, *words, *asked)

        assert spans_of(report) == [(first, last, 7, "filled")]
        assert (code, report["good"], report["left"]) == (0, True, 0)
        code, again = await asyncio.to_thread(apart, *words, *asked)
        assert (code, again["gaps"]) == (0, [])
        await here.stop()
        code, verdict = await asyncio.to_thread(answer, "verify", here.path)
        [btc] = [each for each in verdict["series"] if each["symbol"] == "BTCUSDT"]
        assert (code, btc["records"], btc["backfilled"]) == (0, len(made(here.exchange)), 7)
        assert (btc["holes"], btc["repeats"]) == ({}, 0)
        assert btc["gaps"] == {"unfillable": 1, "filled": 1}


# Without a worker: topics written record by record


@dataclass
class Still:
    """A market that has made its events, its REST side, and topics to write them into."""

    market: Market
    rest: LabRest
    topics: Topics
    folder: Path

    def make(self, stream: Stream, events: int, step_ms: int = 10) -> list[Event]:
        """Let the market make events until now."""
        begin = time.time_ns() // 1_000_000 - events * step_ms
        times = (begin + number * step_ms for number in range(events))
        return [self.market.next_events(stream, at)[0] for at in times]

    async def write(self, *events: Event, **more: Any) -> None:
        """Write some of them as the worker would have."""

        def all_of_them() -> None:
            for event in events:
                at = event.data.get("T") or event.data["E"]
                self.topics.event(
                    event.product,
                    event.stream,
                    event.symbol,
                    event.data,
                    at=at,
                    **more,
                )
            self.topics.flush()

        await asyncio.to_thread(all_of_them)

    def file(self, **more: Any) -> Path:
        """Write the config file."""
        bases = {"streams": "ws://127.0.0.1:9", "rest": self.rest.url}
        products = ("spot", "usdm", "coinm", "options")
        settings: dict[str, Any] = {
            "exchange": dict.fromkeys(products, bases),
            "delivery": "idempotent",
            "topics": {"prefix": "binance", "create": False},
        }
        return self.topics.file(self.folder, **{**settings, **more})

    async def run(self, *arguments: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """Fill spot trades of BTCUSDT."""
        return await asyncio.to_thread(backfill, self.file(**more), *arguments)

    async def candles(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Fill candles of a minute."""
        rule = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["kline_1m"]}
        asked = ("--product", "spot", "--stream", KLINES.name, *arguments)
        return await asyncio.to_thread(answer, "backfill", self.file(subscriptions=[rule]), *asked)

    async def markers(self) -> list[dict[str, Any]]:
        """Return every marker, in the order written."""
        values = await asyncio.to_thread(self.read, "binance.markers")
        return [decode_record(load("marker"), value) for _, value, _ in values]

    def read(self, topic: str) -> list[tuple[bytes | None, bytes, int]]:
        """Return key, value and time of everything in a topic."""
        conf = {"bootstrap.servers": self.topics.bootstrap_servers, "enable.partition.eof": True}
        reader = Consumer({**conf, "group.id": "reader", "enable.auto.commit": False})
        found: list[tuple[bytes | None, bytes, int]] = []
        try:
            unfinished = set(reader.list_topics(topic, timeout=10).topics[topic].partitions)
            reader.assign([TopicPartition(topic, number, 0) for number in unfinished])
            while unfinished:
                message = reader.poll(10)
                assert message is not None
                error = message.error()
                if error is None:
                    stamp = message.timestamp()[1]
                    found.append((message.key(), message.value() or b"", stamp))
                else:
                    assert error.code() == KafkaError._PARTITION_EOF
                    unfinished.discard(message.partition() or 0)
        finally:
            reader.close()
        return found

    async def backfilled(self, topic: str, kind: str) -> list[tuple[dict[str, Any], int]]:
        """Return the records of a topic that were fetched, with their times, in their order."""
        values = await asyncio.to_thread(self.read, topic)
        records = [(read_avro(load(kind), value), stamp) for _, value, stamp in values]
        return [(record, at) for record, at in records if record["origin"] == "backfill"]


@pytest_asyncio.fixture
async def still(tmp_path: Path) -> AsyncIterator[Still]:
    market = Market(3)
    rest, broker, registry = LabRest(market), EmbeddedBroker(), Registry()
    for server in (rest, broker, registry):
        await server.start()
    kinds = ("spot.trade", "spot.agg-trade", "spot.kline", "usdm.trade")
    own = ("markers", "progress", "dead-letter")
    await broker.create([f"binance.{name}" for name in (*kinds, *own)], 4)
    yield Still(market, rest, Topics(broker.bootstrap_servers, registry.url), tmp_path)
    for server in (rest, broker, registry):
        await server.stop()


def ids(events: list[Event]) -> list[int]:
    return [int(event.identity[0]) for event in events]


async def test_a_span_older_than_any_record_is_filled_from_nothing(still: Still) -> None:
    events = still.make(SPOT_TRADES, 1_500)
    first, last = ids(events)[0], ids(events)[-1]

    code, report = await still.run("--from-id", str(first), "--to-id", str(last))

    assert (code, spans_of(report)) == (0, [(first, last, 1_500, "filled")])
    found = await still.backfilled("binance.spot.trade", "trade")
    [gap] = report["gaps"]
    assert [record["trade_id"] for record, _ in found] == ids(events)
    assert [stamp for _, stamp in found] == [event.data["T"] for event in events]
    assert {record["gap_id"] for record, _ in found} == {gap["gap_id"]}
    keys = {key for key, _, _ in await asyncio.to_thread(still.read, "binance.spot.trade")}
    assert keys == {b"BTCUSDT"}


async def test_its_markers_have_edges_reason_and_a_writer_of_their_own(still: Still) -> None:
    events = still.make(SPOT_TRADES, 30)
    await still.write(*events[:10], *events[15:])
    number = ids(events)

    code, report = await still.run("--from-id", str(number[0]), "--to-id", str(number[-1]))

    opened, filled = await still.markers()
    assert code == 0
    assert [marker["state"] for marker in (opened, filled)] == ["opened", "filled"]
    assert filled["gap_id"] == opened["gap_id"] == report["gaps"][0]["gap_id"]
    assert (filled["before_id"], filled["after_id"]) == (number[9], number[15])
    times = filled["before_time"], filled["after_time"]
    assert times == (events[9].data["T"], events[15].data["T"])
    assert (opened["missing"], opened["recovered"]) == (5, None)
    assert (filled["missing"], filled["recovered"]) == (5, 5)
    assert (filled["reason"], filled["instance"]) == ("sequence", "market-backfill")
    assert filled["detail"] == "by hand"


async def test_the_reason_is_that_of_the_marker_that_spoke_of_it(still: Still) -> None:
    events = still.make(SPOT_TRADES, 30)
    await still.write(*events[:10], *events[15:])
    edges = {"before_id": ids(events)[9], "after_id": ids(events)[15]}
    await asyncio.to_thread(still.topics.marker, "unfillable", "theirs", reason="stale", **edges)
    await asyncio.to_thread(still.topics.flush)

    await still.run("--from-id", str(ids(events)[0]))

    assert [marker["reason"] for marker in await still.markers()] == ["stale"] * 3


async def test_times_are_turned_into_the_ids_of_that_time(still: Still) -> None:
    aggregates = parse("spot", "btcusdt@aggTrade")
    events = still.make(aggregates, 200)
    await still.write(*events[:20], *events[30:])
    begin, end = events[25].data["T"], events[28].data["T"]
    rule = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["aggTrade"]}
    path = still.file(subscriptions=[rule])
    asked = ("--product", "spot", "--stream", "aggTrade", "--symbol", "btcusdt")

    times = ("--from", str(begin), "--to", str(end))
    code, report = await asyncio.to_thread(answer, "backfill", path, *asked, *times)

    number = ids(events)
    assert (code, spans_of(report)) == (0, [(number[25], number[27], 3, "filled")])

    late = ("--from", str(events[28].data["T"]), "--to", str(events[-1].data["T"] + 3_600_000))
    code, report = await asyncio.to_thread(answer, "backfill", path, *asked, *late)
    assert (code, spans_of(report)) == (0, [(number[28], number[29], 2, "filled")])
    assert report["last"] == number[-1]


async def test_a_time_in_which_nothing_happened_is_refused(still: Still) -> None:
    still.make(parse("spot", "btcusdt@aggTrade"), 5)
    hour = 3_600_000
    now = time.time_ns() // 1_000_000
    with pytest.raises(Refused, match=r"REST has no trade of BTCUSDT in that time.*--from-id"):
        await still.run("--from", str(now - 9 * hour), "--to", str(now - 5 * hour))


async def test_candles_are_filled_by_their_times(still: Still) -> None:
    closing = [event for event in still.make(KLINES, 60, 10_000) if event.data["k"]["x"]]
    await still.write(*closing[:3], *closing[7:])
    opened = [event.data["k"]["t"] for event in closing]

    code, report = await still.candles("--from", str(opened[0] - 30_000))

    assert (code, report["first"]) == (0, opened[0])
    assert spans_of(report) == [(opened[3], opened[6], 4, "filled")]
    found = await still.backfilled("binance.spot.kline", "kline")
    assert [stamp for _, stamp in found] == [at + 60_000 for at in opened[3:7]]
    assert [record["is_closed"] for record, _ in found] == [True] * 4


async def test_the_candle_that_is_open_now_is_left_out(still: Still) -> None:
    events = still.make(KLINES, 60, 10_000)
    hour = 3_600_000
    until = time.time_ns() // 1_000_000 + hour

    code, report = await still.candles("--from", str(events[0].data["E"]), "--to", str(until))

    now = time.time_ns() // 1_000_000
    assert (code, report["left"]) == (0, 0)
    assert now - 120_000 < report["last"] + 60_000 <= now


async def test_candles_have_no_ids(still: Still) -> None:
    with pytest.raises(Refused, match="candles have no ids; give --from and --to"):
        await still.candles("--from-id", "1")


async def test_an_id_below_zero_is_refused(still: Still) -> None:
    with pytest.raises(Refused, match="--from-id -1: ids are not negative"):
        await still.run("--from-id", "-1", "--to-id", "5")


async def test_what_rest_no_longer_has_is_unfillable_and_exit_1(still: Still) -> None:
    events = still.make(SPOT_TRADES, 300)
    still.market.history.retention = 50
    await still.write(*events[:20], *events[120:200])
    number = ids(events)

    asked = ("--from-id", str(number[0]), "--to-id", str(number[199]))
    code, report = await still.run(*asked, backfill=IMPATIENT)

    assert (code, spans_of(report)) == (1, [(number[20], number[119], 0, "unfillable")])
    assert [marker["state"] for marker in await still.markers()] == ["opened", "unfillable"]

    code, report = await still.run("--from-id", str(number[200]), "--to-id", str(number[299]))
    assert (code, report["left"]) == (1, 100)  # newer than anything live


async def test_what_rest_has_in_part_is_partial(still: Still) -> None:
    events = still.make(SPOT_TRADES, 300)
    still.market.history.retention = 50
    await still.write(*events[:220], events[-1])
    number = ids(events)

    asked = ("--from-id", str(number[0]), "--to-id", str(number[299]))
    code, report = await still.run(*asked, backfill=IMPATIENT)

    assert (code, spans_of(report)) == (1, [(number[220], number[298], 49, "partial")])
    assert "are gone for good" in report["gaps"][0]["detail"]
    *_, last = await still.markers()
    assert (last["state"], last["missing"], last["recovered"]) == ("partial", 79, 49)


async def test_a_gap_that_the_worker_is_filling_is_left_to_it(still: Still) -> None:
    events = still.make(SPOT_TRADES, 100)
    number = ids(events)
    await still.write(*events[:10], *events[20:40], *events[50:90])
    edges = {"before_id": number[9], "after_id": number[20]}

    def say() -> None:
        still.topics.marker("opened", "gap-a", **edges)
        still.topics.progress(1, "gap-a", last_id=number[89])
        still.topics.flush()

    await asyncio.to_thread(say)

    code, report = await still.run("--from-id", str(number[0]))
    assert (code, spans_of(report)) == (1, [(number[40], number[49], 10, "filled")])
    assert report["notes"] == ["10 events of gap gap-a: market is filling it itself"]
    assert report["last"] == number[89]

    code, report = await still.run("--from-id", str(number[60]), "--to-id", str(number[99]))
    assert (code, report["left"], report["gaps"]) == (1, 10, [])
    assert report["notes"][0].startswith(f"10 events after {number[89]}, the last one stored")


async def test_a_run_that_was_killed_is_settled_by_the_next_one(still: Still) -> None:
    events = still.make(SPOT_TRADES, 100)
    number = ids(events)
    await still.write(*events[:10], *events[30:])
    await still.write(*events[10:18], origin="backfill", gap="killed")
    edges = {"before_id": number[9], "after_id": number[30], "missing": 20}
    own: dict[str, Any] = {"instance": "market-backfill", **edges}
    await asyncio.to_thread(still.topics.marker, "opened", "killed", **own)
    await asyncio.to_thread(still.topics.flush)

    code, report = await still.run("--from-id", str(number[0]))

    assert (code, spans_of(report)) == (0, [(number[18], number[29], 12, "filled")])
    by_gap = {marker["gap_id"]: marker for marker in await still.markers()}
    killed = by_gap["killed"]
    assert (killed["state"], killed["missing"], killed["recovered"]) == ("filled", 20, 20)
    code, again = await still.run("--from-id", str(number[0]))
    assert (code, again["gaps"], len(await still.markers())) == (0, [], 4)


async def test_an_exchange_that_goes_away_in_the_middle_leaves_it_partial(
    still: Still, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = still.make(SPOT_TRADES, 3_000)
    first, last = ids(events)[0], ids(events)[-1]
    monkeypatch.setattr("connector.backfill.manual.filler.GIVE_UP_AFTER_S", 0.3)
    away_after(3, still.rest)  # the exchange's time, the time of the first id, then a page

    with pytest.raises(Retry, match="503"):
        await still.run("--from-id", str(first), "--to-id", str(last))

    found = await still.backfilled("binance.spot.trade", "trade")
    *_, marker = await still.markers()
    assert (marker["state"], marker["recovered"]) == ("partial", len(found))
    assert 0 < len(found) < 3_000
    still.rest.interceptors.clear()
    still.rest.refuse(503, None, 0)

    code, report = await still.run("--from-id", str(first), "--to-id", str(last))

    assert (code, report["present"]) == (0, len(found))
    found = await still.backfilled("binance.spot.trade", "trade")
    assert [record["trade_id"] for record, _ in found] == ids(events)


async def test_futures_trades_without_a_key_are_unfillable_for_that_reason(
    still: Still,
) -> None:
    rule = {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["trade"]}
    path = still.file(subscriptions=[rule])
    asked = ("--product", "usdm", "--stream", "trade", "--symbol", "BTCUSDT")

    code, report = await asyncio.to_thread(
        answer, "backfill", path, *asked, "--from-id", "1", "--to-id", "5"
    )

    assert (code, spans_of(report)) == (1, [(1, 5, 0, "unfillable")])
    assert "backfill.api_key_file" in report["gaps"][0]["detail"]


async def test_symbols_that_only_the_exchange_knows_are_asked_for(still: Still) -> None:
    events = still.make(SPOT_TRADES, 20)
    rule = {"product": "spot", "symbols": "all", "streams": ["trade"]}

    code, report = await still.run(
        "--from-id", str(ids(events)[0]), subscriptions=[rule], shard={"index": 0, "count": 7}
    )

    assert (code, report["gaps"][0]["recovered"]) == (0, 20)


async def test_an_exchange_that_cannot_be_reached_is_exit_3(still: Still) -> None:
    bases = {"streams": "ws://127.0.0.1:9", "rest": "http://127.0.0.1:9"}
    with pytest.raises(Retry, match=r"cannot connect"):
        await still.run("--from-id", "1", "--to-id", "5", exchange={"spot": bases})


async def test_records_that_cannot_be_read_stop_it(still: Still) -> None:
    still.topics.producer.produce("binance.spot.trade", b"text", b"BTCUSDT")
    await asyncio.to_thread(still.topics.flush)
    events = still.make(SPOT_TRADES, 20)
    with pytest.raises(Refused, match=r"1 records cannot be read"):
        await still.run("--from-id", str(ids(events)[0]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give the beginning"),
        (("--from", "2026-11-25", "--from-id", "1"), "give the beginning"),
        (("--from", "2026-11-25", "--to-id", "1"), "not both"),
        (("--from-id", "5", "--to-id", "4"), "--to-id 4 lies before"),
        (("--from", "yesterday"), "--from 'yesterday' is no time"),
        (("--from-id", "1", "--stream", "btcusdt@trades"), "did you mean btcusdt@trade?"),
        (("--from-id", "1", "--stream", "trade"), "plans no spot stream 'trade'"),
        (("--from-id", "1", "--symbol", "ETHUSDT"), "btcusdt@trade is about BTCUSDT"),
        (("--from-id", "1", "--stream", "btcusdt@bookTicker"), "only its present state"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    rule = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade", "bookTicker"]}
    unreachable = Topics("127.0.0.1:9", "http://127.0.0.1:9", conf={"log_level": 0})
    with pytest.raises(Refused) as refused:
        backfill(unreachable.file(tmp_path, subscriptions=[rule]), *arguments)
    assert words in str(refused.value)


async def test_for_people_it_is_a_line_a_hole_and_a_sum(still: Still) -> None:
    events = still.make(SPOT_TRADES, 30)
    number = ids(events)
    await still.write(*events[:10], *events[15:])
    arguments = ("--product", "spot", "--stream", "btcusdt@trade", "--from-id", str(number[0]))

    code, text = await asyncio.to_thread(bkc, "backfill", "-c", str(still.file()), *arguments)

    [hole, total] = text.splitlines()
    assert code == 0
    assert hole.startswith(f"{number[10]}..{number[14]}: filled, 5 of 5 written, gap ")
    assert total == (
        f"binance.spot.trade btcusdt@trade BTCUSDT: {number[0]}..{number[-1]}: 25 were there,"
        " 5 written"
    )


@pytest.mark.parametrize("name", ["btcusdt@aggTrade", "btcusdt@trade"])
async def test_times_before_what_rest_looks_back_to_are_refused_not_cut_short(name: str) -> None:
    spans = SpanResolver(RestClient({}), parse("usdm", name), "BTCUSDT")
    since = round(time.time() * 1000) - 25 * 3_600_000
    asked = FillRequest("usdm", name, "BTCUSDT", since=since, until=since + 7_200_000)

    with pytest.raises(Refused, match=r"--from 20\S+Z: .* last 24 h only, from .*--from-id"):
        await spans.span(asked, None)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'[{"id":1,'])
async def test_an_answer_that_is_none_is_asked_for_again_wherever_it_comes(
    still: Still, body: bytes
) -> None:
    """The time of the first id, the newest id, and the page each are no answer at first."""
    events = still.make(SPOT_TRADES, 30)
    answered: Counter[tuple[tuple[str, str], ...]] = Counter()

    async def garble(call: Call, through: Next) -> web.Response:
        query = tuple(sorted(call.query.items()))
        answered[query] += 1
        if call.path != "/api/v3/historicalTrades" or answered[query] > 1:
            return await through(call)
        return web.Response(body=body)

    still.rest.interceptors.append(garble)
    code, report = await still.run("--from-id", str(ids(events)[0]))

    assert (code, report["first"], report["last"]) == (0, ids(events)[0], ids(events)[-1])
    found = await still.backfilled("binance.spot.trade", "trade")
    assert [record["trade_id"] for record, _ in found] == ids(events)
