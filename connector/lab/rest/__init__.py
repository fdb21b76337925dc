"""The exchange's REST side: every path of the four products, weights, refusals, interceptors."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from connector.binance.products import Product
from connector.lab.clock import Clock
from connector.lab.market import Market
from connector.lab.rest.books_and_candles import state_paths
from connector.lab.rest.limits import PAPI_LIMIT, POOLS, SAPI_LIMIT, TOO_MUCH, Meter, meters
from connector.lab.rest.listings import listing_paths
from connector.lab.rest.pages import PAGES
from connector.lab.rest.query import Complaint, Path
from connector.lab.rest.trades import trade_paths

NOT_FOUND, BAD_PATH = 404, -5000  # as futures answer a path that they do not have

Handler = Callable[[web.Request], Awaitable[web.Response]]
PREFIXES: dict[str, Product] = {
    "/api/": "spot",
    "/fapi/": "usdm",
    "/dapi/": "coinm",
    "/eapi/": "options",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One more path: its handler and what a call weighs, fixed or by its query."""

    path: str
    handler: Handler
    weight: int | Callable[[Mapping[str, str]], int] = 1
    method: str = "GET"

    def weighs(self, query: Mapping[str, str]) -> int:
        """Return the weight of a call."""
        return self.weight if isinstance(self.weight, int) else self.weight(query)


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        lag_ms: How far the data of its answer is behind.
    """

    path: str
    query: dict[str, str]
    weight: int
    keyed: bool
    lag_ms: int = 0


Next = Callable[[Call], Awaitable[web.Response]]
Interceptor = Callable[[Call, Next], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    retry_after_s: float | None
    prefix: str


class Rest:
    """HTTP on a port of this machine; `url` once started.

    Args:
        market: The seeded market.
        routes: More paths; each counts its weight in the pool of its product.
        port: Where to listen; 0: on a free port.
        clock: Time of the data; default: this machine's.

    Attributes:
        market: The seeded market.
        meters: The pools' weights and limits, by name (`spot`, `futures`, `options`).
        account_meters: Pools of paths that only accounts have, by the beginnings of paths.
        asked: The last calls, in order.
        interceptors: What faults do to calls and answers; the first one sees a call first.
        time: Time of the data.
        clock: Seconds since 1970, by which weights are counted.
    """

    def __init__(
        self,
        market: Market,
        routes: Iterable[Route] = (),
        port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self.url = ""
        self.market = market
        self.meters = meters()
        self.account_meters = {"/sapi/": Meter(SAPI_LIMIT), "/papi/": Meter(PAPI_LIMIT)}
        self.asked: deque[Call] = deque(maxlen=10_000)
        self.interceptors: list[Interceptor] = []
        self.time = clock or Clock()
        self.clock: Callable[[], float] = self.time.seconds
        self._port = port
        self._refusals: list[_Refusal] = []
        self._app = web.Application()
        for path in paths(market, self.meters):
            self._add(path.path, path.weigh, self._answer_of(path))
        for route in routes:
            self.add(route)
        # A slow answer keeps nobody: it ends with its client, and with the exchange.
        self._runner = web.AppRunner(
            self._app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )

    def add(self, route: Route) -> None:
        """Serve one more path; before `start`."""
        self._add(route.path, route.weighs, _handler_of(route), route.method)

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    def refuse(
        self, status: int, retry_after_s: float | None = None, times: int = 1, path: str = "/"
    ) -> None:
        """Answer the next calls of a path prefix with an error; 0 times: answer well again."""
        self._refusals = [_Refusal(status, retry_after_s, path)] * times

    def _add(
        self,
        path: str,
        weigh: Callable[[Mapping[str, str]], int],
        answer_of: Callable[[web.Request], Next],
        method: str = "GET",
    ) -> None:
        """Serve a path; each call's weight is counted before it is answered."""
        own = next((name for name in self.account_meters if path.startswith(name)), None)
        meter = self.meters[POOLS[product_of(path)]] if own is None else self.account_meters[own]

        async def handle(request: web.Request) -> web.Response:
            query = dict(request.query)
            keyed = "X-MBX-APIKEY" in request.headers
            call = Call(request.path, query, weigh(query), keyed)
            self.asked.append(call)
            verdict = meter.count(call.weight, self.clock())
            if verdict.status != 200:  # noqa: PLR2004 - HTTP's own number
                return error(verdict.status, TOO_MUCH, verdict.text, verdict.headers)
            refusal = self._refusal(call, meter)
            answer = refusal or await self._through(answer_of(request))(call)
            answer.headers.update(verdict.headers)
            return answer

        self._app.router.add_route(method, path, handle)

    def _through(self, answer: Next) -> Next:
        """Return the answer with every interceptor around it."""
        for interceptor in reversed(self.interceptors):
            answer = _around(interceptor, answer)
        return answer

    def _answer_of(self, path: Path) -> Callable[[web.Request], Next]:
        def bind(request: web.Request) -> Next:
            async def answer(call: Call) -> web.Response:
                now_ms = self.time.now_ms()
                try:
                    body = path.answer(call.query, request.headers, now_ms, call.lag_ms)
                except Complaint as complaint:
                    return error(complaint.status, complaint.code, str(complaint))
                return web.json_response(body)

            return answer

        return bind

    def _refusal(self, call: Call, meter: Meter) -> web.Response | None:
        matching = (refusal for refusal in self._refusals if call.path.startswith(refusal.prefix))
        found = next(matching, None)
        if found is None:
            return None
        self._refusals.remove(found)
        headers = meter.headers()
        if found.retry_after_s is not None:
            headers |= {"Retry-After": f"{found.retry_after_s:g}"}
        if found.status in PAGES:
            return web.Response(
                status=found.status,
                text=PAGES[found.status],
                content_type="text/html",
                headers=headers,
            )
        if found.status == NOT_FOUND:
            text = f"Path {call.path}, Method GET is invalid"
            return error(NOT_FOUND, BAD_PATH, text, headers)
        return error(found.status, TOO_MUCH, "refused by the lab", headers)


def _around(interceptor: Interceptor, answer: Next) -> Next:
    async def intercepted(call: Call) -> web.Response:
        return await interceptor(call, answer)

    return intercepted


def _handler_of(route: Route) -> Callable[[web.Request], Next]:
    def bind(request: web.Request) -> Next:
        async def answer(_call: Call) -> web.Response:
            return await route.handler(request)

        return answer

    return bind


def product_of(path: str) -> Product:
    """Return the product a path belongs to."""
    return next(product for prefix, product in PREFIXES.items() if path.startswith(prefix))


def error(
    status: int, code: int, text: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error as Binance writes it."""
    return web.json_response({"code": code, "msg": text}, status=status, headers=headers)


def paths(market: Market, limits: Mapping[str, Meter] | None = None) -> list[Path]:
    """Return every path, answered from one market."""
    listings = listing_paths(market, limits or meters())
    return [*listings, *trade_paths(market), *state_paths(market)]
