"""The exchange's REST side: exchangeInfo, 24 h tickers, weights, refusals; history can be added."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from connector.binance.products import Product
from connector.lab.market import Market
from connector.lab.rest.books_and_candles import state_paths
from connector.lab.rest.exchange_info import exchange_info, ticker
from connector.lab.rest.limits import POOLS, TOO_MUCH, meters
from connector.lab.rest.query import Complaint, Path
from connector.lab.rest.trades import trade_paths

Handler = Callable[[web.Request], Awaitable[web.Response]]
PREFIXES: dict[str, Product] = {
    "/api/": "spot",
    "/fapi/": "usdm",
    "/dapi/": "coinm",
    "/eapi/": "options",
}
BAD_SYMBOL = -1121
# What stands before the exchange answers in HTML, not in the API's JSON.
PAGES = {
    403: "<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>",
    410: "<html><head><title>410 Gone</title></head><body>nginx</body></html>",
    451: "<html><body>Service unavailable from a restricted location</body></html>",
    502: "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One path: who answers it and what a call weighs, fixed or by its query."""

    path: str
    handler: Handler
    weight: int | Callable[[Mapping[str, str]], int] = 1

    def weighs(self, query: Mapping[str, str]) -> int:
        """Return the weight of a call."""
        return self.weight if isinstance(self.weight, int) else self.weight(query)


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as it came in."""

    path: str
    query: dict[str, str]
    weight: int
    keyed: bool


class Rest:
    """HTTP on a port of this machine; `url` once started.

    Args:
        market: The seeded truth.
        routes: More paths; each counts its weight in the pool of its product.
        port: Where to listen; 0: on a free port.

    Attributes:
        meters: The pools' weights and limits, by name (`spot`, `futures`, `options`).
        asked: The last calls, in order.
        skew_ms: How far the server time is ahead of this machine's.
        clock: Seconds since 1970, by which weights are counted.
    """

    def __init__(self, market: Market, routes: Iterable[Route] = (), port: int = 0) -> None:
        self.url = ""
        self._port = port
        self.meters = meters()
        self.asked: deque[Asked] = deque(maxlen=10_000)
        self.skew_ms = 0
        self.clock: Callable[[], float] = time.time
        self._market = market
        self._refusals: list[tuple[int, float | None]] = []
        self._app = web.Application()
        self.add(self._own())
        self.add(routes)
        self._runner = web.AppRunner(self._app, access_log=None)

    def add(self, routes: Iterable[Route]) -> None:
        """Serve more paths; before the start only."""
        for route in routes:
            self._app.router.add_get(route.path, self._metered(route))

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    def refuse(self, status: int, retry_after_s: float | None = None, times: int = 1) -> None:
        """Answer the next calls with an error; 0 times: answer well again."""
        self._refusals = [(status, retry_after_s)] * times

    def _metered(self, route: Route) -> Handler:
        """Return a handler that counts the call's weight before it lets it through."""
        meter = self.meters[POOLS[product_of(route.path)]]

        async def handle(request: web.Request) -> web.Response:
            query = dict(request.query)
            weight = route.weighs(query)
            self.asked.append(Asked(request.path, query, weight, "X-MBX-APIKEY" in request.headers))
            verdict = meter.count(weight, self.clock())
            if verdict.status != 200:  # noqa: PLR2004 - HTTP's own number
                return error(verdict.status, TOO_MUCH, verdict.text, verdict.headers)
            answer = (
                self._refusal(meter.headers()) if self._refusals else await route.handler(request)
            )
            answer.headers.update(verdict.headers)
            return answer

        return handle

    def _refusal(self, headers: dict[str, str]) -> web.Response:
        status, retry_after_s = self._refusals.pop(0)
        if retry_after_s is not None:
            headers |= {"Retry-After": f"{retry_after_s:g}"}
        if status in PAGES:
            return web.Response(
                status=status, text=PAGES[status], content_type="text/html", headers=headers
            )
        return error(status, TOO_MUCH, "refused by the lab", headers)

    def _own(self) -> Iterable[Route]:
        yield from self._of("spot", "/api/v3", "/api/v3/ticker/24hr", 80)
        yield from self._of("usdm", "/fapi/v1", "/fapi/v1/ticker/24hr", 40)
        yield from self._of("coinm", "/dapi/v1", "/dapi/v1/ticker/24hr", 40)
        yield from self._of("options", "/eapi/v1", "/eapi/v1/ticker", 40)

    def _of(self, product: Product, prefix: str, tickers: str, all_of_them: int) -> list[Route]:
        one = 2 if product == "spot" else 1

        async def info(request: web.Request) -> web.Response:
            shape = exchange_info(product, self._market, now_ms() + self.skew_ms)
            if request.query.get("showPermissionSets") == "false":
                shape["symbols"] = [row | {"permissionSets": []} for row in shape["symbols"]]
            shape["rateLimits"] = self.meters[POOLS[product]].rate_limits()
            return web.json_response(shape)

        return [
            Route(f"{prefix}/time", self._time),
            Route(f"{prefix}/exchangeInfo", info, 20 if product == "spot" else 1),
            Route(tickers, self._tickers(product), lambda q: one if "symbol" in q else all_of_them),
        ]

    async def _time(self, _request: web.Request) -> web.Response:
        return web.json_response({"serverTime": now_ms() + self.skew_ms})

    def _tickers(self, product: Product) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            mini = request.query.get("type") == "MINI"
            listed = self._market.symbols.get(product, ())
            asked = request.query.get("symbol")
            if asked is not None and asked not in listed:
                return error(400, BAD_SYMBOL, "Invalid symbol.")
            names = listed if asked is None else (asked,)
            rows = [ticker(product, name, self._market, now_ms(), mini) for name in names]
            single = asked is not None and product != "options"
            return web.json_response(rows[0] if single else rows)

        return answer


def product_of(path: str) -> Product:
    """Return the product a path belongs to."""
    return next(product for prefix, product in PREFIXES.items() if path.startswith(prefix))


def error(
    status: int, code: int, text: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error as Binance writes it."""
    return web.json_response({"code": code, "msg": text}, status=status, headers=headers)


def now_ms() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def paths(market: Market) -> list[Path]:
    """Return every path about the past and the books, answered from one market."""
    return [*trade_paths(market), *state_paths(market)]


def routes(market: Market) -> list[Route]:
    """Return them as the lab's REST serves them, each with its weight."""
    return [Route(one.path, _served(one), one.weigh) for one in paths(market)]


def _served(path: Path) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = path.answer(request.query, request.headers, now_ms())
        except Complaint as complaint:
            return error(complaint.status, complaint.code, str(complaint))
        return web.json_response(body)

    return handle
