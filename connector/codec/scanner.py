"""Reads a few fields of a record and skips the rest: for going through millions of records.

What stands before the last wanted field is one regular expression made from the writer's schema:
Avro's variable-length longs are bytes from 0x80 on and one below it, a short text is its length and
so many bytes. A match costs about 0.4 us, less than reading the head's times byte by byte. What
does not fit it (a text of 64 bytes or more, an array before a wanted field) fastavro reads whole.
"""

import json
import linecache
import re
from collections.abc import Callable, Sequence
from typing import Any

from connector.codec.avro import to_json
from connector.codec.framing import HEADER_BYTES
from connector.errors import BadMessage

LONGEST = 63  # bytes of a text whose length takes one byte
PREFIX_FIELDS = 3  # symbol, product, stream_name: what a series' records have in common
_LONG = rb"[\x80-\xff]*+[\x00-\x7f]"
_TEXT = b"|".join(re.escape(bytes((2 * n,))) + b".{%d}" % n for n in range(LONGEST + 1))
_FIXED_GRAMMAR = {
    "null": b"",
    "boolean": b".",
    "int": _LONG,
    "long": _LONG,
    "enum": _LONG,
    "float": b".{4}",
    "double": b".{8}",
    "string": b"(?:" + _TEXT + b")",
    "bytes": b"(?:" + _TEXT + b")",
}
# What 0x80, the sign to go on, adds up to in a long of five and of six bytes.
_FIVE = sum(0x80 << 7 * place for place in range(4))
_SIX = sum(0x80 << 7 * place for place in range(5))

Scanned = tuple[Any, ...]  # the prefix's bytes, then the wanted fields


def decode_long(raw: bytes) -> int:
    """Return the integer of a zig-zag variable-length long, given its bytes alone."""
    size = len(raw)
    if size == 5:  # noqa: PLR2004 - ids today: 2**27 to 2**34
        a, b, c, d, e = raw
        z = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _FIVE
    elif size == 6:  # noqa: PLR2004 - ids up to 2**41; epoch milliseconds
        a, b, c, d, e, f = raw
        z = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) + (f << 35) - _SIX
    else:
        z = 0
        for byte in reversed(raw):
            z = z << 7 | byte & 127
    return z >> 1 if not z & 1 else ~(z >> 1)


def prefix_of(value: bytes) -> bytes:
    """Return a framed record's header and first three fields, as they stand.

    Raises:
        BadMessage: it is too short, or not framed.
    """
    at = HEADER_BYTES
    try:
        for _ in range(PREFIX_FIELDS):
            size, at = _long_at(value, at)
            at += size
    except IndexError:
        at = len(value) + 1
    if value[:1] != b"\x00" or not HEADER_BYTES < at <= len(value):
        raise BadMessage("schema", "not a record in Confluent's wire format")
    return value[:at]


def split_prefix(prefix: bytes) -> tuple[str, str, str]:
    """Return symbol, product and stream name of what `prefix_of` gave."""
    texts: list[str] = []
    at = HEADER_BYTES
    for _ in range(PREFIX_FIELDS):
        size, at = _long_at(prefix, at)
        texts.append(prefix[at : at + size].decode())
        at += size
    symbol, product, stream_name = texts
    return symbol, product, stream_name


def _long_at(data: bytes, at: int) -> tuple[int, int]:
    end = at
    while data[end] > 127:  # noqa: PLR2004 - seven bits and the sign to go on
        end += 1
    return decode_long(data[at : end + 1]), end + 1


class Scanner:
    """Reads the wanted fields of records of one writer's schema.

    Attributes:
        scan: Framed record -> (bytes of header and prefix, *wanted values), or None when it is no
            record of this schema or does not fit the fast way: then see `scan_slowly`.
            A text is bytes, a time its milliseconds, an absent value None.
    """

    __slots__ = ("_wanted", "scan", "schema_id", "text")

    scan: Callable[[bytes], Scanned | None]

    def __init__(self, schema_id: int, text: str, wanted: Sequence[str]) -> None:
        """Compile for a schema id and its schema; fields that it lacks read as None."""
        self.schema_id = schema_id
        self.text = text
        self._wanted = tuple(wanted)
        fields = json.loads(text)["fields"]
        pattern, found = _pattern(self.header, fields, self._wanted)
        source = _source(self._wanted, found)
        name = f"<scanner of schema {schema_id} {id(self):x}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        space: dict[str, Any] = {"MATCH": pattern and pattern.match, "LONG": decode_long}
        exec(compile(source, name, "exec"), space)  # noqa: S102 - our own text
        self.scan = space["scan"] if pattern is not None else lambda _value: None

    @property
    def header(self) -> bytes:
        """What every record of this schema begins with."""
        return b"\x00" + self.schema_id.to_bytes(4, "big")

    def scan_slowly(self, value: bytes) -> Scanned:
        """Return what `scan` would, having read the whole record.

        Raises:
            Exception: of fastavro, of several kinds: it is no record of this schema.
        """
        record = to_json(self.text, value)
        return prefix_of(value), *(_as_scanned(record.get(name)) for name in self._wanted)


def _as_scanned(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _pattern(
    header: bytes, fields: Sequence[Any], wanted: Sequence[str]
) -> tuple[re.Pattern[bytes] | None, dict[str, str]]:
    """Return the expression up to the last wanted field, and each wanted field's type.

    The expression is None where something in between is of no fixed grammar (an array, a map).
    """
    names = [field["name"] for field in fields]
    there = [names.index(name) for name in wanted if name in names]
    last = max([PREFIX_FIELDS - 1, *there])
    parts = [b"(" + re.escape(header)]
    found: dict[str, str] = {}
    for position, field in enumerate(fields[: last + 1]):
        kept = field["name"] in wanted
        part = _expression(field["type"], kept=kept)
        if part is None:
            return None, found
        if kept:
            found[field["name"]] = _plain_type(field["type"])
        parts.append(part + (b")" if position == PREFIX_FIELDS - 1 else b""))
    return re.compile(b"".join(parts), re.DOTALL), found


def _expression(avro: Any, *, kept: bool) -> bytes | None:
    """Return the expression for a type; `kept` puts its value (not the branch) in a group."""
    if isinstance(avro, list):
        branches = [_expression(branch, kept=kept and branch != "null") for branch in avro]
        numbered = [
            re.escape(bytes((2 * index,))) + branch
            for index, branch in enumerate(branches)
            if branch is not None
        ]
        one_value = not kept or len(avro) == 1 + ("null" in avro)
        whole = len(numbered) == len(branches) and one_value
        return b"(?:" + b"|".join(numbered) + b")" if whole else None
    name = avro if isinstance(avro, str) else avro["type"]
    found = b".{%d}" % avro["size"] if name == "fixed" else _FIXED_GRAMMAR.get(name)
    return b"(" + found + b")" if kept and found is not None else found


def _plain_type(avro: Any) -> str:
    if isinstance(avro, list):
        avro = next(branch for branch in avro if branch != "null")
    return str(avro if isinstance(avro, str) else avro["type"])


def _source(wanted: Sequence[str], found: dict[str, str]) -> str:
    """Return the source of `scan`: groups come in the order of the schema, values as wanted."""
    groups = "".join(f"f_{name}, " for name in found)
    values = "".join(f", {_value(name, found.get(name))}" for name in wanted)
    return (
        "def scan(value):\n"
        "    found = MATCH(value)\n"
        "    if found is None:\n"
        "        return None\n"
        f"    prefix, {groups}= found.groups()\n"
        f"    return prefix{values},\n"
    )


def _value(name: str, avro: str | None) -> str:
    if avro is None:
        return "None"
    group = f"f_{name}"  # a field may be called like anything of ours
    decoded = {
        "boolean": f'{group} == b"\\x01"',
        "string": f"{group}[1:]",
        "bytes": f"{group}[1:]",
    }.get(avro, f"LONG({group})")
    return f"None if {group} is None else {decoded}"
