"""Faults written as text: what each text means, and the words for a wrong one."""

import asyncio
import math

import pytest

from connector.errors import Refused
from connector.lab.exchange import Exchange
from connector.lab.faults import (
    ClockSkew,
    Drop,
    Fault,
    Lifetime,
    Malformed,
    Mute,
    MuteStream,
    Skip,
    Stall,
    schedule,
    targets,
)
from connector.lab.faults.schedule import Planned, parse, read
from connector.lab.market import Market


@pytest.mark.parametrize(
    ("text", "fault", "start", "every"),
    [
        ("drop@0", Drop(), 0.0, None),
        ("reset:spot@10s", Drop("spot"), 10.0, None),
        ("mute@10s:5s", Mute(5.0), 10.0, None),
        ("mute:everybody=true@5:9", Mute(9.0, everybody=True), 5.0, None),
        ("mute:7s,usdm@1m+2m", Mute(7.0, "usdm"), 60.0, 120.0),
        ("stall@1.5s:500ms+10s", Stall(0.5), 1.5, 10.0),
        ("skip:btcusdt@trade,3@30s+60s", Skip("btcusdt@trade", 3), 30.0, 60.0),
        ("mute-stream:btcusdt@depth@100ms@5:9", MuteStream("btcusdt@depth@100ms", 9.0), 5.0, None),
        (
            "mute-stream:stream=btcusdt@kline_1h@+08:00,product=spot@1h",
            MuteStream("btcusdt@kline_1h@+08:00", product="spot"),
            3600.0,
            None,
        ),
        ("malformed:2@1s", Malformed(2), 1.0, None),
        ("clock-skew:-1500@1s", ClockSkew(-1500), 1.0, None),
        ("lifetime:age=30s@0s", Lifetime(30.0, math.inf), 0.0, None),
    ],
)
def test_a_text_means_a_fault_and_its_times(
    text: str, fault: Fault, start: float, every: float | None
) -> None:
    assert parse(text) == Planned(text, fault, start, every)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mut@10s", "there is no 'mut'; did you mean 'mute'?"),
        ("earthquake@1s", "there is no 'earthquake'; known: drop, reset, stall"),
        ("mute", "no time it starts at; write mute@10s: name[:parameters]@start"),
        ("mute-stream:btcusdt@tradee@1s", "no product has a stream 'btcusdt@tradee'; did you mean"),
        ("mute-stream:btcusdt@tradee@1s", "did you mean <symbol>@trade?"),
        ("mute-stream:BTCUSDT@trade@1s", "write it in lower case, 'btcusdt@trade'"),
        ("skip:btcusdt@markPrice,1,spot@1s", "spot has no stream 'btcusdt@markPrice'"),
        ("malformed:1,what@1s", "no product has a stream 'what'; `bkc streams` lists them"),
        ("skip:btcusdt@trade,0@1s", "n is 1 to 1000000, not 0"),
        ("refuse:999@1s", "status is 400 to 599, not 999"),
        ("refuse:418,-1@1s", "times is 1 to 1000000, not -1"),
        ("mute:5s@10s:6s", "how long it lasts is given twice; leave out :6s"),
        ("mute:5s,seconds=6s@10s", "seconds is given twice"),
        ("mute@", "no time it starts at; write name[:parameters]@start"),
        ("mute@soon", "no time it starts at"),
        ("mute-stream:btcusdt@depth@100ms", "no time it starts at"),
        ("drop@1s:5s", "it takes no time it lasts; leave out :5s"),
        ("skip@1s", "needs stream; parameters: stream, n, product"),
        ("skip:btcusdt@trade,many@1s", "n is a whole number, not 'many'"),
        ("mute:everybody=1@1s", "everybody is true or false, not '1'"),
        ("skip:stram=btcusdt@trade@1s", "no parameter 'stram'; did you mean 'stream'?"),
        ("drop:spott@1s", "'spott' is no product; did you mean 'spot'?"),
        ("drop:spot,9@1s", "'9' is too much; parameters: product"),
        ("mute:5 days@1s", "'5 days' is no time; write 500ms, 10s, 5m or 1h"),
        ("drop@1s+0s", "every 0 s would never let go"),
    ],
)
def test_a_wrong_text_is_refused_with_its_cure(text: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(text)

    assert str(caught.value).startswith(f"fault {text!r}: ")
    assert said in str(caught.value)


def test_a_fault_is_aimed_at_what_the_market_makes() -> None:
    good = ("skip:btcusdt@trade@1s", "skip:btcusd_perp@aggTrade@1s", "skip:!forceOrder@arr@1s")
    targets.check((parse(text).fault for text in (*good, "malformed@1s", "drop@1s")), Market(1))

    with pytest.raises(Refused) as caught:
        targets.check([parse("skip:dogeusdt@trade,1,spot@1s").fault], Market(1))
    assert str(caught.value) == (
        "fault of 'dogeusdt@trade': the market makes no such stream; it lists"
        " BTCUSDT, ETHUSDT, BNBUSDT, XRPUSDT, SOLUSDT"
    )


def test_a_schedule_file_has_one_fault_a_line_and_remarks() -> None:
    text = "# an evil day\n\nmute@10s:5s   # quiet\n  drop:spot@20s\n"

    assert [one.fault for one in read(text, "evil.txt")] == [Mute(5.0), Drop("spot")]


def test_a_wrong_line_is_named() -> None:
    with pytest.raises(Refused, match=r"^evil\.txt:3: fault 'mutt@1s': there is no 'mutt'"):
        read("drop@1s\n\nmutt@1s\n", "evil.txt")


def test_every_fault_is_listed_with_its_parameters() -> None:
    listed = {name: (parameters, what) for name, parameters, what in schedule.usage()}

    assert listed["skip"] == (
        "stream, n, product",
        "The next n messages of a stream are never sent; their ids are spent.",
    )
    assert all(what for _, what in listed.values())


async def test_faults_happen_at_their_times_and_again() -> None:
    exchange, told = Exchange(Market(1)), list[str]()
    clock = asyncio.get_running_loop().time
    began = clock()
    times: list[float] = []

    def tell(text: str) -> None:
        told.append(text)
        times.append(clock() - began)
        if told.count("drop@0.1+0.1") == 3:
            running.cancel()

    plan = [parse("drop@0.1+0.1"), parse("mute@0.15:0.01")]
    running = asyncio.create_task(schedule.run(exchange, plan, tell))
    with pytest.raises(asyncio.CancelledError):
        await running

    assert told == ["drop@0.1+0.1", "mute@0.15:0.01", "drop@0.1+0.1", "drop@0.1+0.1"]
    assert [at >= due for at, due in zip(times, (0.1, 0.15, 0.2, 0.3), strict=True)] == [True] * 4
