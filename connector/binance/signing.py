"""Signatures of WS API requests and REST queries: HMAC-SHA-256, RSA and Ed25519 keys. Pure.

Source: "SIGNED request example" of web-socket-api.md and rest-api.md (binance-spot-api-docs,
2026-07-21). No key, secret or signature is in an error text or a `repr`.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from urllib.parse import quote, urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connector.errors import Refused

KeyKind = Literal["HMAC", "RSA", "Ed25519"]
ParamValue = str | int | bool | Decimal | list[str] | None  # None: the parameter is left out
ApiParams = Mapping[str, ParamValue]
MAX_RECV_WINDOW_MS = 60_000
MIN_RSA_BITS = 2048
PEM_OPENING = "-----BEGIN"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs; `sign` returns the text of a payload's signature."""

    kind: KeyKind
    sign: Callable[[bytes], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and the key that signs for it; None: calls that need a signature are refused."""

    api_key: str = field(repr=False)
    signer: Signer | None = None

    def __post_init__(self) -> None:
        if not self.api_key or not all("!" <= letter <= "~" for letter in self.api_key):
            raise Refused("the API key is empty or holds characters that no key has")


def hmac_signer(secret: str) -> Signer:
    """Return the signer of an HMAC secret; the signature is in hex."""
    if not secret or not all("!" <= letter <= "~" for letter in secret):
        raise Refused("the secret key is empty or holds characters that no secret has")
    key = secret.encode()
    return Signer("HMAC", lambda payload: hmac.new(key, payload, hashlib.sha256).hexdigest())


def pem_signer(pem: str, passphrase: str | None = None) -> Signer:
    """Return the signer of an RSA or Ed25519 private key; the signature is in base64.

    Raises:
        Refused: not a private key in PEM, of another kind, too short, encrypted and no passphrase
            is given, or the wrong one.
    """
    key = _private_key(pem, passphrase)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        edwards = key
        return Signer("Ed25519", lambda payload: _base64(edwards.sign(payload)))
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise Refused(f"the RSA key has {key.key_size} bits: Binance takes {MIN_RSA_BITS} up")
        pair = key
        scheme = padding.PKCS1v15()
        return Signer("RSA", lambda payload: _base64(pair.sign(payload, scheme, SHA256())))
    raise Refused("the private key is neither RSA nor Ed25519, the kinds that Binance takes")


def signer_of(content: str, passphrase: str | None = None) -> Signer:
    """Return the signer of a key file's content: a private key in PEM, else an HMAC secret."""
    if content.lstrip().startswith(PEM_OPENING):
        return pem_signer(content, passphrase)
    return hmac_signer(content.strip())


def _private_key(pem: str, passphrase: str | None) -> object:
    if "PRIVATE KEY-----" not in pem:
        what = "a public key or certificate" if PEM_OPENING in pem else "no PEM"
        raise Refused(f"the private key file holds {what}: it begins with -----BEGIN PRIVATE KEY")
    password = None if passphrase is None else passphrase.encode()
    try:
        return load_pem_private_key(pem.encode(), password)
    except TypeError:  # as cryptography tells these two apart
        raise Refused(
            "the private key is encrypted: name the file of its passphrase"
            if password is None
            else "the private key is not encrypted: name no passphrase"
        ) from None
    except ValueError:
        cause = "cannot be read" if password is None else "cannot be read with this passphrase"
        raise Refused(f"the private key {cause}") from None


def _base64(signature: bytes) -> str:
    return base64.b64encode(signature).decode()


def signed(
    params: ApiParams,
    credentials: Credentials,
    timestamp_ms: int,
    recv_window_ms: int | None = None,
) -> dict[str, ParamValue]:
    """Return a WS API request's parameters with apiKey, timestamp, recvWindow and signature.

    Raises:
        Refused: the credentials have no signing key.
    """
    whole = given(params) | {"apiKey": credentials.api_key, "timestamp": timestamp_ms}
    if recv_window_ms is not None:
        whole["recvWindow"] = recv_window_ms
    whole["signature"] = _signer(credentials).sign(payload(whole).encode())
    return whole


def signed_query(
    params: ApiParams,
    credentials: Credentials,
    timestamp_ms: int,
    recv_window_ms: int | None = None,
) -> str:
    """Return a REST call's query: percent-encoded first, then signed (spot since 2026-01-15).

    The API key goes into the header X-MBX-APIKEY.
    """
    whole = given(params) | {"timestamp": timestamp_ms}
    if recv_window_ms is not None:
        whole["recvWindow"] = recv_window_ms
    query = urlencode({name: text_of(value) for name, value in whole.items()}, quote_via=quote)
    return f"{query}&signature={quote(_signer(credentials).sign(query.encode()), safe='')}"


def _signer(credentials: Credentials) -> Signer:
    if credentials.signer is None:
        raise Refused("this call is signed: name the file of the secret key or private key")
    return credentials.signer


def given(params: ApiParams) -> dict[str, ParamValue]:
    """Return the parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None}


def payload(params: ApiParams) -> str:
    """Return what a WS API request's signature is made of: `name=value` sorted by name.

    UTF-8, joined by `&`, not percent-encoded, without the signature itself.
    """
    parts = sorted(params.items())
    return "&".join(f"{name}={text_of(value)}" for name, value in parts if name != "signature")


def text_of(value: ParamValue) -> str:
    """Return a value as it stands in the request's JSON; a text without its quotes."""
    if isinstance(value, str):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else msgspec.json.encode(value).decode()
