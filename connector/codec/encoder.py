"""The Python source of an encoder: one expression a field, in the order of the schema. Pure."""

from connector.codec.decoder import attribute
from connector.codec.schema import Field, Schema

# Record fields with an event's first id, last id, the previous event's last id, and whether the
# event is final; None: the kind has no such field.
SpanFields = tuple[str, str, str | None, str | None]
NO_SPAN: SpanFields = ("receive_time", "receive_time", None, None)
ON_WIRE = ("wire", "event")  # symbol rules that read the payload
# Head fields whose bytes the caller passes in: `prefix` (per series) and `receipt` (per read).
PREFIX = ("symbol", "product", "stream_name")
RECEIPT = ("receive_time", "receive_time_us", "origin", "gap_id")


def encoder_source(
    schema: Schema,
    unit: str,
    record_time: str,
    symbol: str,
    span: SpanFields = NO_SPAN,
    *,
    learned: bool,
) -> str:
    """Return the source of the functions that `Codec` takes from its kind's schema.

    Args:
        schema: The kind's schema.
        unit: Unit of the times on the wire, ms or us.
        record_time: Record field that becomes the Kafka timestamp.
        symbol: Symbol rule of the catalogue's row.
        span: Record fields with an event's ids.
        learned: The decoder has keys that the schema lacks; their values go into `extra`.
    """
    by_name = {field.name: field for field in schema.fields}
    arrays = [_array_source(field) for field in schema.fields if field.type == "array"]
    ids = _span_values(by_name, span, unit)
    symbol_type = _value(by_name["symbol_type"]) if "symbol_type" in by_name else "None"
    functions = (
        "def encode(m, prefix, receipt):\n    return JOIN((\n        "
        + ",\n        ".join(_parts(schema, unit, learned=learned))
        + ",\n    ))",
        f"def symbol(m):\n    return {_symbol_value(by_name, symbol)}",
        f"def symbol_type(m):\n    return {symbol_type}",
        f"def record_time(m):\n    return {_millis(by_name[record_time], unit)}",
        f"def span(m):\n    return {', '.join(ids[:2])}",
        f"def observe(tracker, m):\n    return tracker.observe({_observed(ids)})",
        "def offer(arbiter, feed, m, item, now):\n"
        f"    return arbiter.offer(feed, {_offered(ids, has_final=span[3] is not None)})",
    )
    return "\n\n".join((*arrays, *functions)) + "\n"


def _parts(schema: Schema, unit: str, *, learned: bool) -> list[str]:
    """Return the expressions whose bytes joined are the record, header included."""
    parts: list[str] = []
    for field in schema.fields:
        if field.name == PREFIX[0]:
            parts.append("prefix")
        elif field.name == RECEIPT[0]:
            parts.append("receipt")
        elif field.name == "extra":
            parts.append("EXTRA(m)" if learned else 'b"\\x00" if m.extra_ is None else EXTRA(m)')
        elif field.type == "array":
            value = _value(field)
            absent = f'b"\\x00" if {value} is None else b"\\x02" + ' if field.nullable else ""
            parts.append(f"{absent}{field.name}({value})")
        elif field.name not in PREFIX + RECEIPT:
            parts.append(_expression(field, _value(field), unit))
    return parts


def _symbol_value(fields: dict[str, Field], rule: str) -> str:
    if rule not in ON_WIRE:
        return "None"
    value = _value(fields["symbol"])
    return f"MARKET({value})" if rule == "event" else value


def _millis(field: Field, unit: str) -> str:
    """Return the expression of a time in milliseconds; None where the wire has no such key."""
    if not field.wire:
        return "None"
    return _value(field) + (" // 1000" if unit == "us" else "")


def _span_values(fields: dict[str, Field], span: SpanFields, unit: str) -> list[str]:
    """Return the expressions of first id, last id, previous id and final; "None" for no field."""
    first, last, previous, final = (None if name is None else fields[name] for name in span)
    edges = [_edge(field, unit) for field in (first, last) if field is not None]
    return edges + ["None" if field is None else _value(field) for field in (previous, final)]


def _observed(ids: list[str]) -> str:
    """Return the arguments of a tracker's `observe`, without those that are None at the end."""
    arguments = list(ids)
    while arguments[-1] == "None":
        arguments.pop()
    return ", ".join(arguments)


def _offered(ids: list[str], *, has_final: bool) -> str:
    """Return the arguments of an arbiter's `offer` behind the feed."""
    first, last, previous, final = ids
    return f"{first}, {last}, {previous}, item, now" + (f", {final}" if has_final else "")


def _edge(field: Field, unit: str) -> str:
    """Return the expression of an id, or of a time in ms; 0 where the wire has none."""
    if not field.wire:  # our own receive time
        return "0"
    value = f"({_value(field)} or 0)" if field.nullable else _value(field)
    return value + (" // 1000" if unit == "us" and field.type == "timestamp-millis" else "")


def _value(field: Field) -> str:
    """Return the expression of a field's wire value: the first of its keys that is present."""
    paths = [
        ".".join(["m", *(attribute(key) for key in str(path).split("."))]) for path in field.wire
    ]
    text = paths[-1]
    for path in reversed(paths[:-1]):
        text = f"({path} if {path} is not None else {text})"
    if len(paths) > 1 and not field.nullable and field.name != PREFIX[0]:
        text = f"NEEDED({text}, {' or '.join(map(str, field.wire))!r})"
    return text


def _expression(field: Field, value: str, unit: str) -> str:
    """Return the expression of a field's bytes; of a nullable one with its union's branch index."""
    if field.unit == "us":
        return (
            f'b"\\x00" if {value} is None else b"\\x02" + LONG({value})'
            if unit == "us"
            else 'b"\\x00"'
        )
    if field.type == "timestamp-millis" and unit == "us":
        encoded = f"LONG({value} // 1000)"
    else:
        encoded = ("NUMBER({0})" if field.number else _ENCODED[field.type]).format(value)
    if not field.nullable:
        return encoded
    absent = f"{value} is None" + (f' or {value} == ""' if field.type == "decimal" else "")
    return f'b"\\x00" if {absent} else b"\\x02" + {encoded}'


_ENCODED = {
    "string": "(KNOWN_STRING({0}) or STRING({0}))",
    "decimal": "(KNOWN({0}) or DECIMAL({0}))",
    "long": "LONG({0})",
    "int": "LONG({0})",
    "timestamp-millis": "LONG({0})",
    "boolean": '(b"\\x01" if {0} else b"\\x00")',
}


def _array_source(field: Field) -> str:
    """Return the source of a function that encodes an array as one block: count, items, 0."""
    if all(isinstance(item.wire[0], int) for item in field.items):
        names = [f"v{position}" for position in range(len(field.items))]
        target, values = ", ".join(names), names
    else:
        target, values = "i", [f"i.{attribute(str(item.wire[0]))}" for item in field.items]
    encoded = [
        f"        add({_expression(item, value, 'ms')})"
        for item, value in zip(field.items, values, strict=True)
    ]
    return "\n".join(
        [
            f"def {field.name}(items):",
            "    if not items:",
            '        return b"\\x00"',
            "    out = [LONG(len(items))]",
            "    add = out.append",
            f"    for {target} in items:",
            *encoded,
            '    add(b"\\x00")',
            "    return JOIN(out)",
            "",
        ]
    )
