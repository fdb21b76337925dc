"""What the lab's WS API answers to methods that need nothing but their request.

A test, or a simulated account, puts its own answers in: `api.methods["myTrades"] = ...`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connector.lab.account.requests import ApiRequest

AnswerMethod = Callable[[ApiRequest], Any]


def ping(_request: ApiRequest) -> Any:
    """Answer `ping`."""
    return {}


def server_time(request: ApiRequest) -> Any:
    """Answer `time`."""
    return {"serverTime": request.now_ms}


def empty_account(request: ApiRequest) -> Any:
    """Answer `account.status` of an account without balances."""
    return {
        "canTrade": False,
        "canWithdraw": False,
        "canDeposit": True,
        "updateTime": request.now_ms,
        "accountType": request.product.upper(),
        "balances": [],
        "uid": sum(request.account.encode()),
    }


def empty_list(request: ApiRequest) -> Any:
    """Answer a list of orders, trades, balances or positions: there are none."""
    return [] if request.account else None


METHODS: Mapping[str, AnswerMethod] = {
    "ping": ping,
    "time": server_time,
    "account.status": empty_account,
    "v2/account.status": empty_account,
    "openOrders.status": empty_list,
    "allOrders": empty_list,
    "myTrades": empty_list,
    "account.balance": empty_list,
    "account.position": empty_list,
    "v2/account.balance": empty_list,
    "v2/account.position": empty_list,
}
