"""Faults written as text: what each text means, and the words for a wrong one."""

import asyncio
import math

import pytest

from connector.errors import Refused
from connector.lab.exchange import Exchange
from connector.lab.faults import (
    AnyFault,
    ClockSkew,
    Drop,
    LateData,
    Lifetime,
    Malformed,
    Mute,
    MuteStream,
    NeverSent,
    Refuse,
    RegistryIds,
    RestBody,
    RestRows,
    Skip,
    Stall,
    SymbolStatus,
    Wrapper,
    schedule,
    targets,
)
from connector.lab.faults.schedule import Planned, parse, read
from connector.lab.market import Market

KLINES = "/api/v3/klines"
NEVER_SENT = NeverSent("*@bookTicker", 2, made=False, seconds=3600.0)
GONE = SymbolStatus("usdm", "ETHUSDT", "gone", 8.0)


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
        ("late-data:4s,never=0.5,new=true@0s", LateData(4.0, 0.5, new=True), 0.0, None),
        ("never-sent:*@bookTicker,2,made=false@1s:1h", NEVER_SENT, 1.0, None),
        ("drop:spot,1@5s+5s", Drop("spot", 1), 5.0, 5.0),
        ("refuse:202,3,path=/fapi/v1@2m", Refuse(202, 3, path="/fapi/v1"), 120.0, None),
        ("rest-body:html,path=/api/v3/klines@1s", RestBody("html", path=KLINES), 1.0, None),
        ("rest-rows:100,twice=10@1s:5m", RestRows(100, twice=10, seconds=300.0), 1.0, None),
        ("wrapper:newline,every=5@1s:9s", Wrapper("newline", 5, 9.0), 1.0, None),
        ("symbol-status:usdm,ETHUSDT,gone@8s:8s", GONE, 8.0, None),
        ("registry-ids@3s", RegistryIds(), 3.0, None),
    ],
)
def test_a_text_means_a_fault_and_its_times(
    text: str, fault: AnyFault, start: float, every: float | None
) -> None:
    assert parse(text) == Planned(text, fault, start, every)


@pytest.mark.parametrize(
    ("text", "error_text"),
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
        ("refuse:999@1s", "status is 200 to 599, not 999"),
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
        ("drop:spot,9,1@1s", "'1' is too much; parameters: product, n"),
        ("mute:5 days@1s", "'5 days' is no time; write 500ms, 10s, 5m or 1h"),
        ("drop@1s+0s", "every 0 s would never let go"),
        ("late-data:1s,2@1s", "never is 0 to 1, not 2"),
        (
            "rest-body:broken@1s",
            "form is cut, html, error, empty, array, object or unlisted, not 'broken'",
        ),
        ("never-sent:*@bookTickr@1s", "no product has a stream 'btcusdt@bookTickr'"),
        ("never-sent:btcusdt@trades@1s", "no product has a stream 'btcusdt@trades'"),
        ("symbol-status:spot@1s", "needs symbol; parameters: product, symbol, status, seconds"),
    ],
)
def test_a_wrong_text_is_refused_with_its_cure(text: str, error_text: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(text)

    assert str(caught.value).startswith(f"fault {text!r}: ")
    assert error_text in str(caught.value)


def test_a_fault_is_aimed_at_what_the_market_makes() -> None:
    good = ("skip:btcusdt@trade@1s", "skip:btcusd_perp@aggTrade@1s", "skip:!forceOrder@arr@1s")
    account = "refuse:503,path=/fapi/v1/userTrades@1s"
    faults = (*good, account, "malformed@1s", "drop@1s")
    targets.check((parse(text).fault for text in faults), Market(1))

    with pytest.raises(Refused) as caught:
        targets.check([parse("skip:dogeusdt@trade,1,spot@1s").fault], Market(1))
    assert str(caught.value) == (
        "fault of 'dogeusdt@trade': the market makes no such stream; it lists"
        " BTCUSDT, ETHUSDT, BNBUSDT, XRPUSDT, SOLUSDT"
    )
    for text, cause in (
        ("refuse:429,path=/api/v4@1s", "fault of '/api/v4': no path of REST begins like this"),
        ("symbol-status:coinm,ETHUSDT@1s", "coinm does not list it but BTCUSD_PERP, ETHUSD_PERP"),
    ):
        with pytest.raises(Refused, match=cause):
            targets.check([parse(text).fault], Market(1))


def test_a_schedule_file_has_one_fault_a_line_and_remarks() -> None:
    text = "# an evil day\n\nmute@10s:5s   # quiet\n  drop:spot@20s\n"

    assert [entry.fault for entry in read(text, "evil.txt")] == [Mute(5.0), Drop("spot")]


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
    exchange, often, once = Exchange(Market(1)), "drop@0.1+0.1", "mute@0.15:0.01"
    clock = asyncio.get_running_loop().time
    began = clock()
    times: dict[str, list[float]] = {often: [], once: []}

    def tell(text: str) -> None:
        times[text].append(clock() - began)
        if len(times[often]) >= 3 and times[once]:
            running.cancel()

    running = asyncio.create_task(schedule.run(exchange, [parse(often), parse(once)], tell))
    with pytest.raises(asyncio.CancelledError):
        await running

    assert [at >= due for at, due in zip(times[often], (0.1, 0.2, 0.3), strict=False)] == [True] * 3
    assert [at >= 0.15 for at in times[once]] == [True]
