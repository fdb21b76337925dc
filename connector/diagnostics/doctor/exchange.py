"""Looks at the exchange: REST, clocks, and the first data of one stream on each endpoint."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from connector.binance.products import LIMITS, Bases, Product, host_of
from connector.binance.rest_calls import SERVER_TIME
from connector.binance.rest_errors import PROXY_LOGIN, cure_of, foreign_body
from connector.diagnostics.doctor.clock import check_clock
from connector.diagnostics.doctor.report import CheckResult, unreachable
from connector.errors import Refused, Retry
from connector.planning.model import Plan, PlannedStream
from connector.transport.connect_errors import NO_TLS
from connector.transport.exchange_clock import server_time
from connector.transport.rest import RestClient
from connector.transport.tls import certificate_cure
from connector.transport.websocket import Connection
from connector.transport.ws_requests import SubscriptionRejected

SURE_EVENTS = 5.0  # a stream that should have had so many, and has none, is silent


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How connections are opened.

    Attributes:
        proxy: URL of an HTTP proxy, may hold a user name and password.
        trust: Whom to trust.
        first_data_s: Seconds that the first data of a stream are waited for.
    """

    proxy: str | None
    trust: ssl.SSLContext
    first_data_s: float


async def check_rest(rest: RestClient, product: Product, bases: Bases) -> list[CheckResult]:
    """Ask REST for its time, which costs next to no weight."""
    check, call = f"exchange.rest.{product}", SERVER_TIME[product]
    host = host_of(bases.rest)
    try:
        raw = await rest.get(product, call.path, call.params, call.weight)
    except (Retry, Refused) as error:
        return [_refusal(check, error)]
    try:
        server_time(raw)
    except Refused as error:
        return [_refusal(check, foreign_body(f"{host}{call.path}", HTTPStatus.OK, raw, str(error)))]
    clock = await check_clock(rest.exchange_clock, [product])
    return [CheckResult(check, "ok", f"{host} answers"), *clock]


async def check_endpoints(plan: Plan, options: ConnectionOptions) -> list[CheckResult]:
    """Subscribe the busiest stream of each endpoint of a plan, and wait for its first data."""
    streams: dict[tuple[Product, str], PlannedStream] = {}
    for connection in plan.connections:
        busiest = max(connection.streams, key=_rate)
        key = connection.product, connection.endpoint
        streams[key] = max(streams.get(key, busiest), busiest, key=_rate)
    found = (
        _check_endpoint(product, endpoint, planned, options)
        for (product, endpoint), planned in streams.items()
    )
    return list(await asyncio.gather(*found))


def _rate(planned: PlannedStream) -> float:
    return planned.rate


async def _check_endpoint(
    product: Product, endpoint: str, planned: PlannedStream, options: ConnectionOptions
) -> CheckResult:
    check, first = f"exchange.stream.{product}", asyncio.Event()

    def receive(frames: Sequence[bytes], _received_us: int, connection: Connection) -> None:
        for frame in frames:
            if not connection.take_control_frame(frame):
                first.set()

    try:
        connection = await Connection.open(
            endpoint, LIMITS[product], receive, options.proxy, tls=options.trust
        )
    except Retry as error:
        return _refusal(check, error)
    began = asyncio.get_running_loop().time()
    try:
        return await _first_data(check, endpoint, planned, connection, first, options)
    except SubscriptionRejected as error:
        cure = "correct the name: `bkc streams` has the names; or take it out of the subscriptions"
        return CheckResult(check, "fail", f"{endpoint}: {error}", cure)
    except Retry as error:
        seconds = asyncio.get_running_loop().time() - began
        return CheckResult(check, "fail", f"{endpoint}: {error} after {seconds:.1f} s", _CUT_CURE)
    finally:
        connection.close()


_CUT_CURE = "a proxy or firewall that cuts WebSocket connections: let them pass, or go around it"


async def _first_data(
    check: str,
    endpoint: str,
    planned: PlannedStream,
    connection: Connection,
    first: asyncio.Event,
    options: ConnectionOptions,
) -> CheckResult:
    """Subscribe and wait; raises Retry if the connection ends, SubscriptionRejected."""
    loop, name, wait_s = asyncio.get_running_loop(), planned.stream.name, options.first_data_s
    began = loop.time()
    await connection.subscribe([name])
    data = asyncio.ensure_future(first.wait())
    await asyncio.wait(
        (data, connection.closed), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
    )
    data.cancel()
    if first.is_set():
        text = f"{endpoint}: first data of {name} after {loop.time() - began:.1f} s"
        return CheckResult(check, "ok", text)
    if connection.closed.done():
        raise Retry(f"closed: {connection.closed.result()}")
    text = f"{endpoint}: {name} is subscribed, and sent nothing in {wait_s:g} s"
    if planned.rate * wait_s < SURE_EVENTS:
        usual = f"{text}, which may be: about {planned.rate:.2g} messages a second are expected"
        return CheckResult(check, "cannot tell", usual, "wait longer: --wait 60")
    cure = "is the market open (see the exchange's status page)? else the route or address is wrong"
    return CheckResult(check, "fail", text, cure)


def _refusal(check: str, error: Retry | Refused) -> CheckResult:
    """Return the result for an exchange that refuses, or does not answer."""
    text = str(error)
    status = error.status if isinstance(error, Retry) else None
    answered = status is not None or isinstance(error, Refused)
    wrong = certificate_cure(text) or any(part in text for part in (PROXY_LOGIN, NO_TLS))
    if not answered and not wrong:
        return unreachable(check, Retry(text))
    cure = "" if status is None else cure_of(status)
    return CheckResult(check, "fail", text.removesuffix(f"; {cure}"), cure)
