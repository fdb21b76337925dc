"""Avro's bytes of single values, fast: tables in place of loops, caches for repeated texts. Pure.

Avro 1.12 specification, "Binary encoding": zig-zag variable-length longs, length-prefixed bytes.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.errors import BadMessage

SCALE = 18
PRECISION = 38
_WHOLE = PRECISION - SCALE  # integer digits that always fit
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1
MAX_CACHE_ENTRIES = 32_768  # of each cache: about 210 bytes an entry, so 7 MB when full
MAX_CACHED_TEXT = 64  # characters; longer strings seldom repeat

_MORE = tuple(bytes((z & 127 | 128, z >> 7 | 128)) for z in range(16_384))  # two bytes, more follow
_LAST = tuple(bytes((z,)) if z < 128 else bytes((z & 127 | 128, z >> 7)) for z in range(16_384))
_POWERS: tuple[int, ...] = tuple(10**n for n in range(SCALE + 1))
_LIMIT: int = 10**PRECISION
_PLAIN = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)


def encode_long(value: int) -> bytes:
    """Return the zig-zag variable-length form of a 64-bit integer, 14 bits a step."""
    z = (value << 1) ^ (value >> 63)
    if z < 16_384:
        return _LAST[z]
    if z < 268_435_456:  # 2**28
        return _MORE[z & 16_383] + _LAST[z >> 14]
    if z < 4_398_046_511_104:  # 2**42: epoch milliseconds until 2039
        return _MORE[z & 16_383] + _MORE[z >> 14 & 16_383] + _LAST[z >> 28]
    out = b""
    while z >= 16_384:
        out += _MORE[z & 16_383]
        z >>= 14
    return out + _LAST[z]


def encode_bytes(value: bytes) -> bytes:
    """Return length and content, as Avro writes bytes and strings."""
    return encode_long(len(value)) + value


def unscaled(text: str) -> int:
    """Return a decimal text as an integer count of 10**-18.

    Raises:
        BadMessage: not a finite decimal, over 38 digits at scale 18, or over 18 decimals not zero.
    """
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if digits.isdigit() and digits.isascii() and len(fraction) <= SCALE and len(whole) <= _WHOLE:
        return int(digits) * _POWERS[SCALE - len(fraction)]  # nearly all texts
    return _unscaled_checked(text)


def _unscaled_checked(text: str) -> int:
    match = _PLAIN.fullmatch(text)
    if match is None:
        return _unscaled_odd(text)
    sign, whole, fraction = match[1], match[2].lstrip("0"), match[3] or ""
    if len(fraction) > SCALE:
        if fraction[SCALE:].strip("0"):
            raise BadMessage("decimal", f"{text[:80]!r} has more than {SCALE} decimals")
        fraction = fraction[:SCALE]
    # int() refuses texts of over 4,300 digits, and 38 are allowed: check before it.
    if len(whole) > PRECISION:
        raise BadMessage("decimal", f"{text[:80]!r} has more than {PRECISION} digits")
    value = int(whole + fraction or "0") * _POWERS[SCALE - len(fraction)]
    if value >= _LIMIT:
        raise BadMessage("decimal", f"{text[:80]!r} has over {PRECISION} digits at scale {SCALE}")
    return -value if sign else value


def _unscaled_odd(text: str) -> int:
    """Parse the forms that Binance seldom writes (0E-8, 1e-7); refuse what is not a number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    exponent = number.as_tuple().exponent
    odd = isinstance(exponent, str) or abs(exponent) > 2 * PRECISION
    if odd or text != text.strip() or "_" in text or not text.isascii():
        raise BadMessage("decimal", f"{text[:80]!r} is not a decimal number")
    return unscaled(f"{number:f}")


def pack_unscaled(value: int) -> bytes:
    """Return an unscaled decimal as Avro bytes: big-endian two's complement."""
    size = (value.bit_length() + 8) >> 3  # fastavro's rule, so that both encode the same
    return encode_long(size) + value.to_bytes(size, "big", signed=True)


def encode_number(raw: bytes) -> bytes:
    """Return the Avro decimal of a JSON number or text; raises BadMessage as `unscaled` does."""
    return encode_decimal(bytes(raw).decode().strip('"'))


def needed(value: Any, keys: str) -> Any:
    """Return a value that one of several keys must have; raises BadMessage if it is None."""
    if value is None:
        raise BadMessage("field", f"Object missing required field {keys}")
    return value


def market_of(event: str) -> str:
    """Return the market that an event type names: KR_EQUITY for KR_EquityUpdate."""
    return event.removesuffix("Update").upper()


class Cache(dict[str, bytes]):
    """Texts and their encoded bytes.

    Generated code calls `get` first (a hit costs 30 ns) and an encoding function on a miss. A full
    cache is emptied: prices move, so old texts seldom come again.
    """

    __slots__ = ()

    def remember(self, text: str, encoded: bytes) -> bytes:
        """Store an entry and return its bytes."""
        if len(self) >= MAX_CACHE_ENTRIES:
            self.clear()
        self[text] = encoded
        return encoded


_decimals = Cache()
_strings = Cache()
known_decimal = _decimals.get
known_string = _strings.get


def encode_decimal(text: str) -> bytes:
    """Return a text as Avro decimal(38,18) and cache it; raises BadMessage as `unscaled` does."""
    return _decimals.remember(text, pack_unscaled(unscaled(text)))


def encode_string(text: str) -> bytes:
    """Return a string as Avro bytes and cache a short one; raises BadMessage: a lone surrogate."""
    try:
        encoded = encode_bytes(text.encode())
    except UnicodeEncodeError as error:
        raise BadMessage("text", f"{text[:80]!r} is not valid Unicode") from error
    return _strings.remember(text, encoded) if len(text) <= MAX_CACHED_TEXT else encoded
