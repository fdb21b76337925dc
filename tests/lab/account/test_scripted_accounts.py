"""The scripted accounts: their truth, the events of it, and what queries say of it."""

from decimal import Decimal
from typing import Any

import pytest

from connector.account.reconcile_queries import query
from connector.account.reconcile_rows import FACT_OF, rows_of
from connector.account.records import AccountRecorder
from connector.binance.account_events import find_layout
from connector.binance.account_events.layout import AccountProduct
from connector.binance.account_queries import queries_of
from connector.lab.account.account import Event, LabAccount
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.ledger import Balance, LabProduct, Ledger
from connector.lab.account.options_account import OptionsAccount
from connector.lab.account.queries import DAY_MS, Asked, portfolio_balance
from connector.lab.account.query_table import QUERIES
from connector.lab.account.script import AccountScript, scripted_accounts
from connector.lab.account.spot_account import SpotAccount
from connector.lab.clock import Clock
from connector.lab.message import encode
from connector.lab.rest.query import Complaint

NOW_S = 1_795_000_020.0
NOW_MS = int(NOW_S * 1000)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = NOW_S

    def __call__(self) -> float:
        return self.seconds


def number(text: str) -> Decimal:
    return Decimal(text)


def spot(time: Time | None = None, product: LabProduct = "spot") -> SpotAccount:
    balances = {"USDT": Decimal(10_000), "BTC": Decimal(1), "SHIB": Decimal("0.5")}
    return SpotAccount("main", 7, balances, Clock(time or Time()), product)


def futures(product: LabProduct = "usdm", time: Time | None = None) -> FuturesAccount:
    balances = {"USDT": Decimal(10_000), "BTC": Decimal(2)}
    return FuturesAccount("main", 7, balances, Clock(time or Time()), product)


def ask(account: LabAccount, path: str, **query: Any) -> Any:
    found = next(own for own in QUERIES if own.path == path)
    texts = {name: str(value) for name, value in query.items()}
    now_ms, market = account.clock.now_ms(), found.market_of(texts)
    views = {account.market: account.view}
    asked = Asked(found.product, account.view, texts, now_ms, found.window_ms, market, views)
    return found.answer(asked)


def kinds(events: list[Event]) -> list[str]:
    return [event["e"] for event in events]


def states(events: list[Event]) -> list[tuple[str, str, str]]:
    """Return execution, status and type of the order events."""
    orders = [event.get("o", event) for event in events if "TRADE_UPDATE" in event["e"]]
    return [(order["x"], order["X"], order["o"]) for order in orders]


def test_the_same_seed_and_actions_give_the_same_events() -> None:
    first, second = spot(), spot()
    actions = [
        account.place("BTCUSDT", "BUY", number("0.1"), number("50000"))
        for account in (first, second)
    ]
    assert actions[0] == actions[1]


def test_a_spot_order_locks_fills_and_pays_commission() -> None:
    account = spot()
    placed = account.place("BTCUSDT", "BUY", number("0.1"), number("50000"))
    assert account.ledger.balances["USDT"] == Balance(Decimal(5_000), Decimal(5_000))
    filled = account.fill(account.last_order_id, (number("0.04"), number("50000")))
    assert account.ledger.orders[account.last_order_id].status == "PARTIALLY_FILLED"
    account.cancel(account.last_order_id)
    assert account.ledger.balances["USDT"] == Balance(Decimal(8_000), Decimal(0))
    assert account.ledger.balances["BTC"] == Balance(Decimal("1.03996"), Decimal(0))
    assert kinds(placed) == kinds(filled) == ["executionReport", "outboundAccountPosition"]


def test_a_limit_order_that_fills_cheaper_unlocks_the_difference() -> None:
    account = spot()
    account.place("BTCUSDT", "BUY", number("0.1"), number("50000"))
    account.fill(account.last_order_id, (number("0.1"), number("40000")))
    assert account.ledger.balances["USDT"] == Balance(Decimal(6_000), Decimal(0))


def test_fills_in_one_millisecond_are_two_trades_and_two_pictures_of_one_key() -> None:
    account = spot()
    account.place("BTCUSDT", "SELL", number("0.2"))
    parts = (number("0.1"), number("50000")), (number("0.1"), number("50001"))
    events = account.fill(account.last_order_id, *parts)
    reports = [event for event in events if event["e"] == "executionReport"]
    pictures = [event for event in events if event["e"] == "outboundAccountPosition"]
    assert {event["T"] for event in reports} == {NOW_MS}
    assert [report["t"] for report in reports] == [fill.trade_id for fill in account.ledger.fills]
    assert len({report["t"] for report in reports}) == 2
    assert (pictures[0]["E"], pictures[0]["u"]) == (pictures[1]["E"], pictures[1]["u"])
    assert pictures[0]["B"] != pictures[1]["B"]


def test_dust_and_dividends_move_balances_without_an_order() -> None:
    account = spot()
    events = account.convert_dust("SHIB", "BNB", number("0.001")) + account.dividend(
        "BTC", number("0.1")
    )
    assert "executionReport" not in kinds(events)
    assert account.ledger.balances["SHIB"].free == 0
    assert account.ledger.balances["BNB"].free == number("0.001")
    assert account.ledger.balances["BTC"].free == number("1.1")


def test_an_order_that_is_over_takes_no_fill() -> None:
    account = spot()
    account.place("BTCUSDT", "BUY", number("0.1"), number("50000"))
    with pytest.raises(ValueError, match=r"0\.1 are left, not 1"):
        account.fill(account.last_order_id, (number("1"), number("50000")))
    account.expire(account.last_order_id)
    with pytest.raises(ValueError, match="is not open"):
        account.cancel(account.last_order_id)


def test_the_account_update_of_a_fill_comes_before_its_order_update() -> None:
    account = futures()
    account.place("BTCUSDT", "BUY", number("0.1"))
    events = account.fill(account.last_order_id, (number("0.1"), number("50000")))
    assert kinds(events) == ["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
    assert events[1]["T"] == events[2]["T"]
    coinm = futures("coinm")
    coinm.place("BTCUSD_PERP", "BUY", number("10"))
    events = coinm.fill(coinm.last_order_id, (number("10"), number("50000")))
    assert kinds(events) == ["ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]


def test_a_triggered_stop_expires_begins_anew_and_fills_under_one_id() -> None:
    account = futures()
    account.place_stop("BTCUSDT", "SELL", number("0.1"), number("49000"))
    order_id = account.last_order_id
    assert ask(account, "/fapi/v1/openOrders")[0]["type"] == "STOP_MARKET"
    events = account.trigger_stop(order_id, number("48990"))
    assert states(events) == [
        ("EXPIRED", "EXPIRED", "STOP_MARKET"),
        ("NEW", "NEW", "MARKET"),
        ("TRADE", "FILLED", "MARKET"),
    ]
    assert {event["o"]["i"] for event in events if "o" in event} == {order_id}
    assert account.ledger.orders[order_id].status == "FILLED"


def test_a_triggered_stop_is_an_open_market_order_until_it_fills() -> None:
    account = futures()
    account.place_stop("BTCUSDT", "SELL", number("0.1"), number("49000"))
    assert len(account.activate_stop(account.last_order_id)) == 2
    row = ask(account, "/fapi/v1/openOrders")[0]
    assert (row["status"], row["type"], row["origType"]) == ("NEW", "MARKET", "STOP_MARKET")


def test_a_conditional_order_is_no_open_order_and_places_one() -> None:
    account = futures()
    account.place_algo("BTCUSDT", "BUY", number("0.1"), number("51000"))
    assert ask(account, "/fapi/v1/openOrders") == []
    assert len(ask(account, "/fapi/v1/openAlgoOrders")) == 1
    events = account.trigger_algo(account.last_algo_id, number("51001"))
    algo = [event["o"]["X"] for event in events if event["e"] == "ALGO_UPDATE"]
    assert algo == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    assert ask(account, "/fapi/v1/openAlgoOrders") == []
    row = ask(account, "/fapi/v1/allAlgoOrders", symbol="BTCUSDT")[0]
    assert row["actualOrderId"] == str(account.last_order_id)


def test_positions_grow_shrink_turn_and_pay_their_profit() -> None:
    account = futures()
    for side, quantity, price in (("BUY", "1", "100"), ("BUY", "1", "200"), ("SELL", "3", "250")):
        account.place("ETHUSDT", side, number(quantity))  # type: ignore[arg-type]
        account.fill(account.last_order_id, (number(quantity), number(price)))
    position = account.ledger.positions["ETHUSDT", "BOTH"]
    assert (position.amount, position.entry_price) == (Decimal(-1), Decimal(250))
    assert position.realized == Decimal(200)
    commission = Decimal("0.0004") * (100 + 200 + 750)
    assert account.ledger.balances["USDT"].free == 10_000 + 200 - commission


def test_profit_of_coinm_is_in_the_coin() -> None:
    account = futures("coinm")
    for side, price in (("BUY", "50000"), ("SELL", "100000")):
        account.place("BTCUSD_PERP", side, number("10"))  # type: ignore[arg-type]
        account.fill(account.last_order_id, (number("10"), number(price)))
    assert account.ledger.fills[-1].profit == number("0.01")


def test_legs_of_a_hedge_are_two_positions() -> None:
    account = futures()
    for side, leg in (("BUY", "LONG"), ("SELL", "SHORT")):
        account.place("BTCUSDT", side, number("0.1"), position_side=leg)  # type: ignore[arg-type]
        account.fill(account.last_order_id, (number("0.1"), number("50000")))
    rows = ask(account, "/fapi/v3/positionRisk")
    amounts = {row["positionSide"]: row["positionAmt"] for row in rows}
    assert amounts == {"LONG": "0.1", "SHORT": "-0.1"}


def test_a_liquidation_closes_the_position_and_the_open_orders() -> None:
    account = futures()
    account.place("BTCUSDT", "BUY", number("0.1"))
    account.fill(account.last_order_id, (number("0.1"), number("50000")))
    account.place("BTCUSDT", "BUY", number("0.1"), number("40000"))
    events = account.liquidate("BTCUSDT", number("45000"))
    assert [state[0] for state in states(events)] == ["EXPIRED", "NEW", "CALCULATED"]
    assert account.ledger.positions["BTCUSDT", "BOTH"].amount == 0
    assert account.ledger.open_orders() == []
    with pytest.raises(ValueError, match="no position"):
        account.liquidate("BTCUSDT", number("45000"))


def test_funding_and_transfers_are_income_without_an_order() -> None:
    account = futures()
    events = account.pay_funding("BTCUSDT", number("-1.5")) + account.transfer(
        "USDT", number("100")
    )
    assert [event["a"]["m"] for event in events] == ["FUNDING_FEE", "DEPOSIT"]
    assert [event["a"]["P"] for event in events] == [[], []]
    income = ask(account, "/fapi/v1/income")
    assert [(row["incomeType"], row["income"]) for row in income] == [
        ("FUNDING_FEE", "-1.50000000"),
        ("TRANSFER", "100.00000000"),
    ]
    assert len(ask(account, "/fapi/v1/income", symbol="BTCUSDT")) == 1
    assert ask(account, "/fapi/v3/balance")[0]["balance"] == "10098.50000000"


def test_fills_are_paged_by_trade_id() -> None:
    account = spot()
    account.place("BTCUSDT", "SELL", number("0.5"))
    account.fill(account.last_order_id, *[(number("0.1"), number("50000"))] * 5)
    ids = [fill.trade_id for fill in account.ledger.fills]
    path = "/api/v3/myTrades"
    page = ask(account, path, symbol="BTCUSDT", fromId=ids[0] + 1, limit=2)
    assert [row["id"] for row in page] == ids[1:3]
    assert [row["id"] for row in ask(account, path, symbol="BTCUSDT", limit=2)] == ids[3:]
    assert ask(account, path, symbol="BTCUSDT", fromId=ids[-1] + 1) == []
    assert ask(account, path, symbol="ETHUSDT") == []


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/api/v3/myTrades", {}, -1102),
        ("/api/v3/myTrades", {"symbol": "A", "startTime": 1, "endTime": DAY_MS + 2}, -1127),
        ("/api/v3/myTrades", {"symbol": "A", "fromId": 1, "startTime": 1}, -1128),
        ("/api/v3/allOrders", {"symbol": "A", "limit": 0}, -1130),
    ],
)
def test_a_query_that_is_wrong_gets_its_code(path: str, query: dict[str, Any], code: int) -> None:
    with pytest.raises(Complaint) as complaint:
        ask(spot(), path, **query)
    assert complaint.value.code == code


def test_futures_show_a_week_and_forget_what_ended_unfilled_after_three_days() -> None:
    time = Time()
    account = futures(time=time)
    account.place("BTCUSDT", "BUY", number("0.1"))
    filled = account.last_order_id
    account.fill(filled, (number("0.1"), number("50000")))
    account.place("BTCUSDT", "BUY", number("0.1"), number("40000"))
    account.cancel(account.last_order_id)
    time.seconds += 4 * 86_400
    orders = ask(account, "/fapi/v1/allOrders", symbol="BTCUSDT")
    assert [row["orderId"] for row in orders] == [filled]
    time.seconds += 4 * 86_400
    assert ask(account, "/fapi/v1/allOrders", symbol="BTCUSDT") == []
    assert ask(account, "/fapi/v1/userTrades", symbol="BTCUSDT") == []
    assert len(ask(account, "/fapi/v1/allOrders", symbol="BTCUSDT", orderId=1)) == 1
    assert len(ask(account, "/fapi/v1/userTrades", symbol="BTCUSDT", fromId=0)) == 1
    time.seconds += 90 * 86_400
    assert ask(account, "/fapi/v1/userTrades", symbol="BTCUSDT", fromId=0) == []


def test_weights_depend_on_the_symbol() -> None:
    weights = {own.path: (own.weigh({"symbol": "A"}), own.weigh({})) for own in QUERIES}
    assert weights["/api/v3/openOrders"] == (6, 80)
    assert weights["/fapi/v1/openAlgoOrders"] == (1, 40)
    assert weights["/sapi/v1/margin/allOrders"] == (200, 200)
    trades = next(own for own in QUERIES if own.path == "/api/v3/myTrades")
    assert trades.weigh({"symbol": "A", "orderId": "1"}) == 5


PRODUCTS_ASKED: tuple[AccountProduct, ...] = (
    *("spot", "margin", "usdm", "coinm"),
    *("options", "portfolio_margin"),
)
SCRIPTS = scripted_accounts("main", 7, Clock(Time()))


def own_id(script: AccountScript) -> str:
    return f"{script.account.product} {script.account.market or ''}".strip()


@pytest.mark.parametrize("script", SCRIPTS, ids=own_id)
def test_every_event_and_row_becomes_a_record_without_unknown(script: AccountScript) -> None:
    account = script.account
    events = [event for _ in range(60) for event in script.step()]
    records = AccountRecorder("main", account.product)
    made = [records.record(encode(event), 0) for event in events]

    assert [record.unknown for record in made] == [()] * len(events)
    assert all(find_layout(account.product, event["e"]) for event in events)


@pytest.mark.parametrize("script", SCRIPTS, ids=own_id)
def test_every_answer_has_rows_without_unknown(script: AccountScript) -> None:
    account = script.account
    isolated = account.market if account.product == "margin" else None
    records = AccountRecorder("main", account.product, isolated)
    own = [each for each in queries_of(account.product, isolated) if each.market == account.market]
    for _ in range(60):
        script.step()
    symbols = {order.symbol for order in account.ledger.orders.values()}
    unknown: dict[str, tuple[str, ...]] = {}
    for asked in own:
        for name in ("account", "balances", "positions", "open_orders", "fills", "orders"):
            if name not in asked.kinds:
                continue
            kind = asked.kinds[name]
            wants_symbol = name in ("fills", "orders", "open_orders")
            for symbol in symbols if wants_symbol else ("",):
                params = {**kind.params, **({"symbol": symbol} if symbol else {})}
                answer = ask(account, kind.path, **params)
                for row in rows_of(query(asked, name), encode(answer)):
                    fact = records.fact(
                        FACT_OF[name], row.json, 0, as_of_ms=0, origin="snapshot", market=row.market
                    )
                    unknown |= {name: fact.unknown} if fact.unknown else {}

    assert unknown == {}
    assert bool(own) == (account.product != "margin_uta")


def test_what_the_connector_asks_for_is_what_an_answer_holds_and_costs() -> None:
    lab = {own.path: own for own in QUERIES}
    kinds = [
        kind
        for product in (*PRODUCTS_ASKED, "portfolio_margin_pro", "margin_risk")
        for asked in queries_of(product)
        for kind in asked.kinds.values()
    ]
    own = {kind.path: (kind.rows, kind.weight, kind.weight_of_all or kind.weight) for kind in kinds}
    theirs = {
        path: (lab[path].most_rows, lab[path].weigh({"symbol": "A"}), lab[path].weigh({}))
        for path in own
    }
    # Weights of COIN-M are here those before its migration; margin's open orders name a symbol.
    differing = {path for path in own if own[path] != theirs[path]}
    assert differing == {
        *("/dapi/v1/allOrders", "/dapi/v1/userTrades"),
        *("/sapi/v1/margin/openOrders", "/papi/v1/margin/openOrders"),
    }
    assert {path: own[path][0] for path in own} == {path: theirs[path][0] for path in own}


def test_a_fill_of_options_has_the_key_of_its_event() -> None:
    account = OptionsAccount("main", 7, {"USDT": Decimal(10_000)}, Clock(Time()))
    symbol = "BTC-271231-60000-C"
    account.place(symbol, "BUY", number("1"), number("50"))
    events = account.fill(account.last_order_id, (number("1"), number("50")))
    records = AccountRecorder("main", "options")
    live = records.record(encode(events[1]), 0)
    row = ask(account, "/eapi/v1/userTrades", symbol=symbol)[0]
    fact = records.fact("fill", encode(row), 0, as_of_ms=0, origin="reconcile")

    assert live.fields["fill_key"] == fact.fields["fill_key"]
    assert row["id"] != row["tradeId"]
    assert live.fields["fill"]["commission"] == fact.fields["fill"]["commission"]


def test_options_show_what_ended_within_five_days_and_trades_of_three_months() -> None:
    time = Time()
    account = OptionsAccount("main", 7, {"USDT": Decimal(10_000)}, Clock(time))
    symbol = "BTC-271231-60000-C"
    account.place(symbol, "BUY", number("1"), number("50"))
    order_id = account.last_order_id
    assert ask(account, "/eapi/v1/openOrders")[0]["status"] == "ACCEPTED"
    assert ask(account, "/eapi/v1/historyOrders", symbol=symbol) == []
    account.fill(order_id, (number("1"), number("50")))
    account.place(symbol, "BUY", number("1"), number("40"))
    account.cancel(account.last_order_id)
    shown = ask(account, "/eapi/v1/historyOrders", symbol=symbol)
    assert [row["status"] for row in shown] == ["FILLED", "CANCELLED"]
    assert ask(account, "/eapi/v1/position")[0]["quantity"] == "1"
    assert {row["type"] for row in ask(account, "/eapi/v1/bill", currency="USDT")} == {
        "CONTRACT",
        "FEE",
    }
    time.seconds += 6 * 86_400
    assert ask(account, "/eapi/v1/historyOrders", symbol=symbol) == []
    assert ask(account, "/eapi/v1/order", symbol=symbol, orderId=order_id)["status"] == "FILLED"
    with pytest.raises(Complaint) as unknown:
        ask(account, "/eapi/v1/order", symbol=symbol, orderId=account.last_order_id)
    assert unknown.value.code == -2013
    with pytest.raises(Complaint) as too_old:
        ask(account, "/eapi/v1/userTrades", symbol=symbol, startTime=1)
    assert too_old.value.code == -6073
    account.exercise(symbol, number("7"))
    assert ask(account, "/eapi/v1/position") == []
    with pytest.raises(ValueError, match="no position"):
        account.exercise(symbol, number("7"))


def test_an_asset_of_portfolio_margin_has_an_amount_in_each_market() -> None:
    clock = Clock(Time())
    parts = (
        SpotAccount("main", 1, {"USDT": Decimal(5)}, clock, "portfolio_margin"),
        FuturesAccount("main", 1, {"USDT": Decimal(7)}, clock, "portfolio_margin", "UM"),
        FuturesAccount("main", 1, {"BTC": Decimal(2)}, clock, "portfolio_margin", "CM"),
    )
    markets = {part.market: part.ledger for part in parts}
    asked = Asked("portfolio_margin", Ledger(), {}, NOW_MS, 0, None, markets)

    rows = {row["asset"]: row for row in portfolio_balance(asked)}

    usdt, btc = rows["USDT"], rows["BTC"]
    assert (usdt["crossMarginFree"], usdt["umWalletBalance"], usdt["cmWalletBalance"]) == (
        "5.00000000",
        "7.00000000",
        "0.00000000",
    )
    assert btc["cmWalletBalance"] == "2.00000000"
    events = parts[1].place_algo("BTCUSDT", "BUY", number("1"), number("2"))
    assert (events[0]["fs"], events[0]["ao"]["X"], "o" in events[0]) == ("UM", "NEW", False)
