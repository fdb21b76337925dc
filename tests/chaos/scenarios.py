"""Every fault of the list, one run each: what happens, and what must hold afterwards.

The faults of connections, messages and REST are data. What happens to the connector itself or to
Kafka is a function, in acts.py.
"""

import signal

from connector.binance.products import Product
from connector.lab.faults import (
    AcceptThenClose,
    BlackHole,
    ClockSkew,
    Drop,
    Duplicate,
    LateData,
    Malformed,
    Mute,
    MuteStream,
    NeverSent,
    Reorder,
    RestBehind,
    RestBody,
    RestRows,
    RestUnsettled,
    ServerShutdown,
    Skip,
    Slow,
    Wrapper,
)
from tests.chaos import acts
from tests.chaos.scenario import LEARN_S, Scenario, begins_with, breaks_while, strikes

BUSY_RATE = 2_000.0  # events a second
_STANDBY = {"standby": True}
_PLANNED_LIFE = {"limits": {"connection_life": "10s"}}
_SHORT_TRANSACTIONS = {"kafka": {"librdkafka": {"transaction.timeout.ms": 8000}}}
_SMALL_QUEUE = {"hold": "1MiB"}
_OFTEN_REFRESHED = {"refresh": "1s"}
# USD-M and COIN-M trades weigh 200 a call: half of the minute's weight would be used up.
_WHOLE_WEIGHT = {"backfill": {"weight_share": 1.0}}
# Options' trades cannot be asked for from an id on: a small page hides the older ones for good.
_ODD_PAGES = (
    *(
        RestRows(cap=8, descending=True, twice=3, early=3, seconds=45.0, path=path)
        for path in ("/api", "/fapi", "/dapi")
    ),
    RestRows(descending=True, twice=3, seconds=45.0, path="/eapi"),
)
SERIES: tuple[tuple[Product, str], ...] = (
    ("spot", "btcusdt@trade"),
    ("spot", "ethusdt@aggTrade"),
    ("spot", "btcusdt@depth@100ms"),
    ("spot", "ethusdt@kline_1s"),
    ("usdm", "btcusdt@aggTrade"),
    ("usdm", "btcusdt@depth@100ms"),
    ("usdm", "btcusdt@trade"),
    ("coinm", "btcusd_perp@trade"),
    ("coinm", "btcusd_perp@depth@100ms"),
    ("options", "btc-261225-100000-c@optionTrade"),
)


def connections(*, is_long: bool) -> list[Scenario]:
    """Return what happens to connections."""
    closing_s = 60.0 if is_long else 15.0
    return [
        Scenario("reset", "TCP reset of every connection", strikes(Drop()), blind_under_s=1.0),
        Scenario(
            "black-hole",
            "half open: nothing either way",
            strikes(BlackHole(12.0), warm_s=LEARN_S),
            notice_under_s=5.0,
        ),
        Scenario(
            "accept-then-close",
            f"{closing_s:.0f} s of accepting and closing",
            strikes(AcceptThenClose(closing_s)),
            allowed_s=45.0,
        ),
        Scenario(
            "server-shutdown",
            "serverShutdown, then cut",
            strikes(ServerShutdown(6.0)),
            planned=True,
        ),
        Scenario(
            "shutdown-late-data",
            "serverShutdown, cut after 2 s; the new connection has data 4 s after its answer",
            breaks_while(LateData(4.0, new=True, seconds=15.0), by=ServerShutdown(2.0)),
        ),
        Scenario(
            "reset-late-data",
            "TCP reset; data 3 s after the answer to SUBSCRIBE",
            breaks_while(LateData(3.0, seconds=15.0), by=Drop()),
        ),
        Scenario(
            "reset-half-silent",
            "TCP reset; then half of the streams are answered and have no data",
            breaks_while(LateData(0.0, never=0.5, seconds=15.0), by=Drop()),
            allowed_s=90.0,
            silent_at_edges=True,
        ),
        Scenario(
            "never-sent",
            "every second stream is answered and has no data for 30 s from the start",
            acts.never_sent(NeverSent(every=2, seconds=30.0)),
            allowed_s=60.0,
            silent_at_edges=True,
        ),
        Scenario(
            "lifetime",
            "life of 24 h, compressed to 10 s, twice",
            acts.lifetime,
            planned=True,
            misaligned=True,
            more=_PLANNED_LIFE,
        ),
        Scenario(
            "two-connections",
            "every stream on two connections, one of them 0.35 s late, ending in turn",
            acts.two_connections,
        ),
    ]


def silences() -> list[Scenario]:
    """Return what is silent while connections stay open."""
    silent_pair = (
        MuteStream("btcusdt@trade", 15.0, "spot"),
        MuteStream("ethusdt@bookTicker", 15.0, "spot"),
    )
    return [
        Scenario(
            "mute",
            "no data, pings answered",
            strikes(Mute(12.0), warm_s=LEARN_S),
            notice_under_s=5.0,
        ),
        Scenario(
            "mute-stream",
            "two streams of a connection silent",
            strikes(*silent_pair, warm_s=LEARN_S),
            notice_under_s=7.0,
        ),
    ]


def messages() -> list[Scenario]:
    """Return what happens to messages."""
    return [
        Scenario(
            "skip",
            "3 messages of ten series lost",
            strikes(*(Skip(name, 3, product) for product, name in SERIES)),
            notice_under_s=5.0,
        ),
        Scenario(
            "skip-one",
            "1 message of ten series lost",
            strikes(*(Skip(name, 1, product) for product, name in SERIES)),
        ),
        Scenario(
            "duplicate",
            "3 messages of ten series twice",
            strikes(*(Duplicate(name, 3, product) for product, name in SERIES)),
        ),
        Scenario(
            "duplicate-mark-price",
            "5 mark prices of two products again 2 s later",
            strikes(
                Duplicate("btcusdt@markPrice@1s", 5, "usdm", 2.0),
                Duplicate("btcusd_perp@markPrice@1s", 5, "coinm", 2.0),
            ),
        ),
        Scenario(
            "reorder",
            "2 pairs of ten series swapped",
            strikes(*(Reorder(name, 2, product) for product, name in SERIES)),
        ),
        Scenario("slow", "frames 1.5 s late for 5 s", strikes(Slow(1.5, 5.0))),
        Scenario("malformed", "40 broken frames", strikes(Malformed(40)), dead_letters=True),
        Scenario(
            "wrapper",
            "one more key behind `data`, then a newline behind each frame",
            strikes(Wrapper("extra-key", seconds=5.0), Wrapper("newline", seconds=8.0)),
        ),
        Scenario(
            "clock-ahead",
            "the exchange's clock 10 min ahead; then a TCP reset",
            begins_with(ClockSkew(600_000), by=Drop()),
        ),
        Scenario(
            "clock-steps",
            "the exchange's clock falls back 2 min, then goes 3 min ahead, each with a TCP reset",
            acts.clock_steps,
        ),
    ]


def rest() -> list[Scenario]:
    """Return what REST answers while gaps are filled."""
    return [
        Scenario(
            "refused",
            "resets, and REST answers 429, then 418",
            acts.refused,
            allowed_s=40.0,
            more=_WHOLE_WEIGHT,
        ),
        Scenario(
            "rest-garbage",
            "a reset, and REST answers 200 with HTML, half of a page, an error, no rows",
            breaks_while(
                *(RestBody(form, 6) for form in ("html", "cut", "error", "array")), by=Drop()
            ),
            allowed_s=60.0,
            more=_WHOLE_WEIGHT,
        ),
        Scenario(
            "rest-behind",
            "a reset, and REST is 8 s behind the streams",
            breaks_while(RestBehind(8.0, seconds=25.0), by=Drop()),
            allowed_s=60.0,
            more=_WHOLE_WEIGHT,
        ),
        Scenario(
            "rest-rows",
            "a reset, and pages of 8 rows, newest first, every third twice, begun 3 early",
            breaks_while(*_ODD_PAGES, by=Drop()),
            allowed_s=60.0,
            more=_WHOLE_WEIGHT,
        ),
        Scenario(
            "rest-unsettled",
            "a reset, and a candle is final 1.5 s after its close",
            breaks_while(RestUnsettled(1.5, seconds=30.0), by=Drop()),
        ),
    ]


def servers(*, is_long: bool) -> list[Scenario]:
    """Return what happens to Kafka, to the registry and to the connector."""
    away_s = 60.0 if is_long else 20.0
    return [
        Scenario("registry-away", "no registry for 6 s at the start", acts.registry_away),
        Scenario(
            "pages-at-start",
            "a page in place of the registry for 6 s, and of exchangeInfo, at the start",
            acts.pages_in_the_way,
        ),
        Scenario(
            "registry-renumbered",
            "registry emptied, other ids; connector SIGKILL and restart",
            acts.registry_renumbered,
        ),
        Scenario(
            "progress-grown",
            "the progress topic gets more partitions; connector SIGKILL and restart",
            acts.progress_grown,
        ),
        Scenario(
            "small-messages",
            "a depth topic that takes 8,000 bytes a message: books are refused",
            acts.small_messages,
            dead_letters=True,
        ),
        Scenario(
            "kafka-stopped",
            f"Kafka stopped for {away_s:.0f} s",
            acts.kafka_stopped(away_s),
            allowed_s=30.0,
            alone=True,
        ),
        Scenario("kafka-killed", "Kafka SIGKILL, back after 5 s", acts.kafka_killed, alone=True),
        Scenario(
            "kafka-frozen",
            f"Kafka SIGSTOP for {away_s:.0f} s",
            acts.kafka_frozen(away_s),
            allowed_s=30.0,
            alone=True,
        ),
        Scenario(
            "kafka-frozen-long",
            "the same, longer than the transaction time-out",
            acts.kafka_frozen(away_s),
            allowed_s=30.0,
            alone=True,
            more=_SHORT_TRANSACTIONS,
        ),
        Scenario(
            "queue-full",
            "Kafka SIGSTOP for 20 s, and a queue of 1 MiB: frames are dropped",
            acts.kafka_frozen(20.0),
            allowed_s=60.0,
            alone=True,
            more=_SMALL_QUEUE,
        ),
        Scenario("killed", "connector SIGKILL and restart, twice", acts.killed),
        Scenario(
            "second-writer", "connector SIGSTOP, a second writer, SIGCONT", acts.second_writer
        ),
        Scenario(
            "config-changed", "config changed twice under load", acts.config_changed, planned=True
        ),
        Scenario(
            "symbol-paused",
            "a symbol chosen by a filter is in BREAK for 5 s",
            acts.symbol_paused,
            more=_OFTEN_REFRESHED,
        ),
        Scenario("symbol-left", "a symbol out of the file for 6 s, and back", acts.symbol_left),
        Scenario(
            "symbol-left-restart",
            "a restart without a symbol, and another one with it",
            acts.symbol_left_over_restarts,
        ),
    ]


def successions() -> list[Scenario]:
    """Return the ways in which one connector follows another."""
    return [
        Scenario(
            "upgrade",
            "2,000 events a second: a new connector until ready, then SIGTERM of the old one",
            acts.upgraded(signal.SIGTERM),
            planned=True,
            rate=BUSY_RATE,
        ),
        Scenario(
            "upgrade-killed",
            "the same with SIGKILL of the old one",
            acts.upgraded(signal.SIGKILL),
            planned=True,
            rate=BUSY_RATE,
        ),
        Scenario(
            "standby-killed",
            "SIGKILL of a writer beside its standby",
            acts.writer_struck(signal.SIGKILL),
            planned=True,
            more=_STANDBY,
        ),
        Scenario(
            "standby-frozen",
            "SIGSTOP of a writer beside its standby (a node that is gone), then SIGCONT",
            acts.writer_struck(signal.SIGSTOP),
            planned=True,
            more=_STANDBY,
        ),
        Scenario(
            "standby-kafka-away",
            "Kafka SIGSTOP for 12 s beside a standby: nobody takes over",
            acts.kafka_away_beside_a_standby,
            planned=True,
            alone=True,
            more=_STANDBY,
        ),
    ]


def scenarios(*, is_long: bool = False) -> list[Scenario]:
    """Return all; long: with the durations of real outages."""
    # Lines that learn the usual pauses first do not run beside one another: their bars are seconds.
    mute, mute_stream = silences()
    return [
        *connections(is_long=is_long),
        mute,
        *messages(),
        mute_stream,
        *rest(),
        *servers(is_long=is_long),
        *successions(),
    ]
