"""Runs `bkc call`."""

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from typer import echo

from connector.account.redaction import SECRET_KEYS, redact_value
from connector.binance.products import ENVIRONMENTS
from connector.binance.signing import ParamValue
from connector.binance.wsapi_methods import WsApiProduct, refuse_trading
from connector.config.key_files import KeyFiles, credentials_of, files_in
from connector.errors import Refused
from connector.telemetry import logs
from connector.transport.tls import client_context
from connector.transport.wsapi import WsApi

ADDED_BY_US = frozenset({"apikey", "signature", "timestamp"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is called; `parameters` as they were written: key=value."""

    product: WsApiProduct
    method: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """How the exchange is reached; `timeout_s` for the answer."""

    proxy: str | None = None
    ca_file: Path | None = None
    timeout_s: float = 10.0


def run(request: Request, url: str, files: KeyFiles | None, network: Network) -> None:
    """Call the method and print its result; raises Refused, Retry."""
    refuse_trading(request.method)
    params = params_of(request.parameters)
    logs.configure(json=False, level="ERROR")
    if network.proxy is not None and "@" in urlsplit(network.proxy).netloc:
        raise Refused("--proxy: a password on the command line can be seen by all users")
    result = asyncio.run(_call(request, params, url, files, network))
    echo(json.dumps(redact_value(result), ensure_ascii=False, indent=2))


async def _call(
    request: Request,
    params: dict[str, ParamValue],
    url: str,
    files: KeyFiles | None,
    network: Network,
) -> object:
    api = WsApi(
        url,
        request.product,
        keys=None if files is None else partial(credentials_of, files),
        proxy=network.proxy,
        tls=client_context(network.ca_file),
        timeout_s=network.timeout_s,
    )
    async with api:
        result: object = await api.call(request.method, **params)
        return result


def place_of(product: WsApiProduct, exchange: str, url: str | None) -> str:
    """Return the URL of the WS API; raises Refused."""
    if url is None:
        return ENVIRONMENTS[exchange][product].ws_api
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.netloc or "@" in parts.netloc:
        raise Refused(f"--url {url!r} is no URL of a WS API: write wss://host/path")
    return url


def keys_of(
    secrets: Path | None,
    api_key: Path | None,
    private_key: Path | None,
    secret_key: Path | None,
    passphrase: Path | None,
) -> KeyFiles | None:
    """Return the files of the key; None: none are named. Raises Refused, also for a wrong key."""
    named = (api_key, private_key, secret_key, passphrase)
    if secrets is not None and any(named):
        raise Refused("--secrets names all files of the key: leave out the other options, or it")
    if secrets is None and api_key is None:
        if any(named):
            raise Refused("a key's other files need --api-key-file")
        return None
    if private_key is not None and secret_key is not None:
        raise Refused("an API key has a private key or a secret key: leave one option out")
    if secrets is not None:
        files = files_in(secrets)
    else:
        files = KeyFiles(api_key or Path(), private_key, secret_key, passphrase)
    credentials_of(files)  # a wrong file is told before anything is connected
    return files


def params_of(written: tuple[str, ...]) -> dict[str, ParamValue]:
    """Return parameters as they go into the request; raises Refused."""
    params: dict[str, ParamValue] = {}
    for text in written:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Refused(f"{text!r} is no parameter: write key=value, such as symbol=BTCUSDT")
        if key in params:
            raise Refused(f"parameter {key} is given twice")
        if key.lower() in ADDED_BY_US:
            raise Refused(f"parameter {key} is added by the client: leave it out")
        if key.lower() in SECRET_KEYS:
            raise Refused(f"parameter {key}: a secret on the command line can be seen by all users")
        params[key] = _value(value)
    return params


def _value(text: str) -> ParamValue:
    """Return a value: JSON where that is a whole number, a truth, a text or texts; else the text.

    0.10 stays a text: Binance takes decimals quoted, and a number would lose its last digit.
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if isinstance(value, bool | int | str) or texts else text
