"""REST paths of accounts: signed queries, listenKeys, listenTokens."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from connector.lab.account import requests, restrictions
from connector.lab.account.accounts import Accounts, subscribed_name
from connector.lab.account.keys import LabKey
from connector.lab.account.listen_keys import UNKNOWN_KEY
from connector.lab.account.queries import DAY_MS, AccountQuery
from connector.lab.account.query_table import QUERIES
from connector.lab.account.session import LabToken
from connector.lab.rest import Route, error
from connector.lab.rest.query import Complaint, number, text

LISTEN_KEY_PATHS = {
    "usdm": "/fapi/v1/listenKey",
    "coinm": "/dapi/v1/listenKey",
    "options": "/eapi/v1/listenKey",
    "portfolio_margin": "/papi/v1/listenKey",
    "margin_risk": "/sapi/v1/margin/listen-key",
    "margin_uta": "/sapi/v2/margin/listen-key",
}
NAMES_KEY = ("margin_risk", "margin_uta")  # whose PUT names the listenKey
TOKEN_PATH = "/sapi/v1/userListenToken"  # noqa: S105 - a path
KEY_HEADER = "X-MBX-APIKEY"
PATHS = (*(query.path for query in QUERIES), *LISTEN_KEY_PATHS.values(), TOKEN_PATH)
Answer = Callable[[web.Request], Any]


def account_routes(accounts: Accounts) -> list[Route]:
    """Return every path; the key is in the header, listenKeys and tokens need no signature."""
    routes = [
        Route(query.path, _handler(partial(_query, accounts, query)), query.weigh)
        for query in QUERIES
    ]
    for product, path in LISTEN_KEY_PATHS.items():
        for method, act in (("POST", _make), ("PUT", _renew), ("DELETE", _end)):
            handler = _handler(partial(act, accounts, product))
            routes.append(Route(path, handler, method=method))
    routes.append(Route(restrictions.PATH, _handler(partial(_rights, accounts))))
    return [*routes, Route(TOKEN_PATH, _handler(partial(_token, accounts)), method="POST")]


def _handler(answer: Answer) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(answer(request))
        except Complaint as complaint:
            return error(complaint.status, complaint.code, str(complaint))

    return handle


def _query(accounts: Accounts, query: AccountQuery, request: web.Request) -> Any:
    return accounts.answer(query, _signed(accounts, request).account, dict(request.query))


def _rights(accounts: Accounts, request: web.Request) -> Any:
    api_key = _signed(accounts, request).api_key
    return restrictions.READ_ONLY | accounts.restrictions.get(api_key, {})


def _signed(accounts: Accounts, request: web.Request) -> LabKey:
    """Return the key of a signed call; raises Complaint."""
    api_key = request.headers.get(KEY_HEADER, "")
    keys, now_ms = accounts.ws_api.keys, accounts.clock.now_ms()
    return requests.check_rest(request.rel_url.raw_query_string, api_key, keys, now_ms)


def _account(accounts: Accounts, request: web.Request) -> str:
    api_key = request.headers.get(KEY_HEADER, "")
    return requests.key_of_header(api_key, accounts.ws_api.keys).account


def _make(accounts: Accounts, product: str, request: web.Request) -> Any:
    account, now_ms = _account(accounts, request), accounts.clock.now_ms()
    return {"listenKey": accounts.ws_api.listen_keys.make(product, account, now_ms).text}


def _renew(accounts: Accounts, product: str, request: web.Request) -> Any:
    account, now_ms = _account(accounts, request), accounts.clock.now_ms()
    if product in NAMES_KEY:
        named = text(request.query, "listenKey")
        key = accounts.ws_api.listen_keys.find(product, account, now_ms)
        if key is None or key.text != named:
            raise Complaint(400, *UNKNOWN_KEY)
    return {"listenKey": accounts.ws_api.listen_keys.renew(product, account, now_ms).text}


def _end(accounts: Accounts, product: str, request: web.Request) -> Any:
    accounts.ws_api.listen_keys.end(product, _account(accounts, request))
    accounts.announce_ended_keys()
    return {}


def _token(accounts: Accounts, request: web.Request) -> Any:
    """Return a listenToken of cross margin or of an isolated symbol, for at most 24 h."""
    account, now_ms = _account(accounts, request), accounts.clock.now_ms()
    life_ms = min(number(request.query, "validity") or DAY_MS, DAY_MS)
    tokens = accounts.ws_api.tokens
    is_isolated = request.query.get("isIsolated", "").upper() == "TRUE"
    market = text(request.query, "symbol") if is_isolated else None
    name = subscribed_name("margin", account, market)
    token = hashlib.sha256(f"token {name} {len(tokens)} {now_ms}".encode()).hexdigest()
    tokens[token] = LabToken(name, now_ms + life_ms)
    return {"token": token, "expirationTime": now_ms + life_ms}
