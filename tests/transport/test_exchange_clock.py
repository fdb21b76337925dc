"""How far the exchange's clock is ahead: half the round trip, the best of the last measurements."""

import json

import pytest
from structlog.testing import capture_logs

from connector.binance.products import Product
from connector.binance.rest_calls import SERVER_TIME, Call
from connector.errors import Retry
from connector.transport.exchange_clock import (
    KEPT_MEASUREMENTS,
    ExchangeClock,
    Measurement,
    measurement,
)

NOW_S = 1_795_000_000.0


class Exchange:
    """A machine's clock, and an exchange whose clock is ahead; an answer takes `travel_s`."""

    def __init__(self, ahead_ms: int, travel_s: float = 0.2) -> None:
        self.ahead_ms, self.travel_s, self.now_s = ahead_ms, travel_s, NOW_S
        self.body: bytes | None = None  # in place of the usual answer
        self.away = False

    async def ask(self, product: Product, call: Call) -> bytes:
        assert call == SERVER_TIME[product]
        self.now_s += self.travel_s / 2
        if self.away:
            raise Retry("HTTP 503")
        body = json.dumps({"serverTime": round(self.now_s * 1000) + self.ahead_ms}).encode()
        self.now_s += self.travel_s / 2
        return self.body or body

    def clock(self) -> ExchangeClock:
        return ExchangeClock(self.ask, lambda: self.now_s)


@pytest.mark.parametrize("ahead_ms", [600_000, -7_200_000, 0])
async def test_the_exchange_tells_how_far_it_is_ahead(ahead_ms: int) -> None:
    exchange = Exchange(ahead_ms)
    clock = exchange.clock()

    assert await clock.measure({"spot", "usdm"})

    assert clock.offsets_ms == {"spot": ahead_ms, "usdm": ahead_ms}
    assert clock.now_ms("spot") == pytest.approx(exchange.now_s * 1000 + ahead_ms, abs=1)


async def test_an_offset_that_was_not_measured_is_none() -> None:
    exchange = Exchange(600_000)
    exchange.away = True
    clock = exchange.clock()

    assert not await clock.measure({"spot"})

    assert (clock.offset_ms("spot"), clock.offsets_ms) == (0, {})


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"code":-1,"msg":"x"}', b'{"serverTime":"x"}', b'{"serverTime":17}']
)
async def test_an_answer_that_is_no_time_changes_nothing(body: bytes) -> None:
    exchange = Exchange(600_000)
    clock = exchange.clock()
    await clock.measure({"spot"})
    exchange.body = body

    assert not await clock.measure({"spot"})

    assert clock.offset_ms("spot") == 600_000


def test_half_the_round_trip_is_the_error() -> None:
    assert measurement(10_500, 10.0, 10.5) == Measurement(250.0, 250.0)


def test_the_shortest_round_trip_counts() -> None:
    clock = Exchange(0).clock()
    for new in (Measurement(130.0, 100.0), Measurement(50.0, 5.0), Measurement(120.0, 90.0)):
        clock.note("spot", new)
    assert clock.offset_ms("spot") == 50

    for _ in range(KEPT_MEASUREMENTS):
        clock.note("spot", Measurement(60.0, 10.0))
    assert clock.offset_ms("spot") == 60


def test_a_clock_that_was_set_counts_at_once_and_is_logged_once() -> None:
    clock = Exchange(0).clock()
    clock.note("spot", Measurement(0.0, 5.0))
    with capture_logs() as logs:
        clock.note("spot", Measurement(600_000.0, 200.0))
        clock.note("spot", Measurement(600_010.0, 200.0))

    assert clock.offset_ms("spot") == 600_000
    assert [(log["event"], log["seconds"]) for log in logs] == [("clock_differs", 600.0)]
