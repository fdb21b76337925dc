"""The exchange's REST side: server time and exchangeInfo, in the shapes of the four products."""

import time
from typing import Any

from aiohttp import web

from connector.lab.market import Market


class Rest:
    """HTTP on a port of this machine (0: a free one); `url` once started."""

    def __init__(self, market: Market, port: int = 0) -> None:
        self.url = ""
        self._port = port
        self._market = market
        app = web.Application()
        for prefix in ("/api/v3", "/fapi/v1", "/dapi/v1", "/eapi/v1"):
            app.router.add_get(f"{prefix}/time", self._time)
        app.router.add_get("/api/v3/exchangeInfo", self._spot)
        app.router.add_get("/fapi/v1/exchangeInfo", self._usdm)
        app.router.add_get("/dapi/v1/exchangeInfo", self._coinm)
        app.router.add_get("/eapi/v1/exchangeInfo", self._options)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _time(self, _request: web.Request) -> web.Response:
        return web.json_response({"serverTime": _now_ms()})

    async def _spot(self, _request: web.Request) -> web.Response:
        symbols = [
            {"symbol": name, "status": "TRADING", "baseAsset": name[:-4], "quoteAsset": "USDT"}
            for name in self._market.symbols.get("spot", ())
        ]
        return _info(symbols=symbols)

    async def _usdm(self, _request: web.Request) -> web.Response:
        symbols = [
            _contract(name, name, name[:-4], "USDT") | {"status": "TRADING"}
            for name in self._market.symbols.get("usdm", ())
        ]
        return _info(symbols=symbols)

    async def _coinm(self, _request: web.Request) -> web.Response:
        symbols = [
            _contract(name, name.partition("_")[0], name[:3], "USD") | {"contractStatus": "TRADING"}
            for name in self._market.symbols.get("coinm", ())
        ]
        return _info(symbols=symbols)

    async def _options(self, _request: web.Request) -> web.Response:
        listed = []
        for name in self._market.symbols.get("options", ()):
            asset, day, strike, side = name.split("-")
            expiry = time.mktime(time.strptime(day, "%y%m%d"))
            listed.append(
                {
                    "symbol": name,
                    "underlying": f"{asset}USDT",
                    "expiryDate": int(expiry * 1000),
                    "side": {"C": "CALL", "P": "PUT"}[side],
                    "strikePrice": strike,
                    "quoteAsset": "USDT",
                    "status": "TRADING",
                }
            )
        return _info(optionSymbols=listed)


def _contract(symbol: str, pair: str, base: str, quote: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "pair": pair,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "baseAsset": base,
        "quoteAsset": quote,
        "underlyingType": "COIN",
    }


def _info(**lists: list[dict[str, Any]]) -> web.Response:
    return web.json_response(
        {"timezone": "UTC", "serverTime": _now_ms(), "rateLimits": [], **lists}
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
