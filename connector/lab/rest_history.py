"""REST's answers about the past and the books, served: `Rest(market, routes(market))`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from connector.lab.market import Market
from connector.lab.rest import Route, error, now_ms
from connector.lab.rest_query import Complaint, Path
from connector.lab.rest_states import state_paths
from connector.lab.rest_trades import trade_paths


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
