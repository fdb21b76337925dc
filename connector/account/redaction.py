"""Takes secrets out of the JSON of an event: listenKeys, tokens, signatures, account ids. Pure."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

HIDDEN = "***"
MIN_SECRET_CHARACTERS = 16  # a shorter text may stand in a number by chance
SECRET_KEYS = frozenset(
    {
        *("listenkey", "listentoken", "token", "apikey", "secretkey", "signature"),
        *("accountid", "uid"),  # Binance's own numbers of the account
    }
)
_MAYBE_SECRET = re.compile(rb"key|token|signature|accountid|\"uid\"|\\u", re.IGNORECASE)


def redact(raw: bytes, loose: Any, secrets: Collection[str] = ()) -> str:
    """Return the text of an event without its secrets, else as it stands.

    Args:
        raw: The event's JSON.
        loose: The same, decoded.
        secrets: Values that must not be in it under any key, such as the listenKey it came by.
    """
    text = raw.decode()
    may_hold = _MAYBE_SECRET.search(raw) is not None
    under_keys = list(_values(loose)) if may_hold else []
    found = {*secrets, *(value for value in under_keys if isinstance(value, str))}
    for secret in found:
        text = _hidden(text, secret)
    if may_hold and any(_values(_decoded(text))):  # written with escapes, or as no text
        return json.dumps(redact_value(loose, found), separators=(",", ":"))
    return text


def _hidden(text: str, secret: str) -> str:
    """Replace a secret in a JSON text: a short one only where it is a whole value."""
    text = text.replace(f'"{secret}"', f'"{HIDDEN}"')
    return text.replace(secret, HIDDEN) if len(secret) >= MIN_SECRET_CHARACTERS else text


def redact_value(value: Any, secrets: Collection[str] = ()) -> Any:
    """Return a decoded value without secrets: those named, and those under keys of secrets."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if _is_secret(key) else redact_value(item, secrets)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redact_value(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = HIDDEN if value == secret else _hidden(value, secret)
    return value


def _values(value: Any) -> Iterator[Any]:
    """Yield what stands under keys of secrets and is not hidden yet."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not _is_secret(key):
                yield from _values(item)
            elif item not in (None, "", HIDDEN):
                yield item
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)


def _is_secret(key: str) -> bool:
    return key.lower() in SECRET_KEYS


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {"token": text}  # not readable any more: not to be kept
