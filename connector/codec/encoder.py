"""The Python source of an encoder: one expression a field, in the order of the schema."""

from connector.codec.decoder import attribute
from connector.codec.schema import Field, Schema

# Record fields with an event's first id, last id, the last one before it, and whether it is closed.
Span = tuple[str, str, str | None, str | None]
NO_SPAN: Span = ("receive_time", "receive_time", None, None)
ON_WIRE = ("wire", "event")  # symbol rules that read the payload
# Head fields whose bytes the caller brings: `prefix` (per series) and `receipt` (per read).
PREFIX = ("symbol", "product", "stream_name")
RECEIPT = ("receive_time", "receive_time_us", "origin", "gap_id")


def encoder_source(
    schema: Schema,
    unit: str,
    record_time: str,
    symbol: str,
    span: Span = NO_SPAN,
    *,
    learned: bool,
) -> str:
    """Return the source of the functions a Codec has of its kind."""
    parts: list[str] = []
    functions: list[str] = []
    for field in schema.fields:
        if field.name == PREFIX[0]:
            parts.append("prefix")
        elif field.name == RECEIPT[0]:
            parts.append("receipt")
        elif field.name == "extra":
            parts.append("EXTRA(m)" if learned else 'b"\\x00" if m.extra_ is None else EXTRA(m)')
        elif field.type == "array":
            functions.append(_array_source(field))
            value = _value(field)
            absent = f'b"\\x00" if {value} is None else b"\\x02" + ' if field.nullable else ""
            parts.append(f"{absent}{field.name}({value})")
        elif field.name not in PREFIX + RECEIPT:
            parts.append(_expression(field, _value(field), unit))
    by_name = {field.name: field for field in schema.fields}
    time = by_name[record_time]
    millis = f"{_value(time)}" + (" // 1000" if unit == "us" else "") if time.wire else "None"
    named = _value(by_name["symbol"]) if symbol in ON_WIRE else "None"
    named = f"MARKET({named})" if symbol == "event" else named
    kind = _value(by_name["symbol_type"]) if "symbol_type" in by_name else "None"
    return (
        "\n".join(functions)
        + "\ndef encode(m, prefix, receipt):\n    return JOIN((\n        "
        + ",\n        ".join(parts)
        + ",\n    ))\n"
        + f"\ndef symbol(m):\n    return {named}\n"
        + f"\ndef market(m):\n    return {kind}\n"
        + f"\ndef record_time(m):\n    return {millis}\n"
        + f"\ndef span(m):\n    return {', '.join(_told(by_name, span, unit)[:2])}\n"
        + "\ndef observe(tracker, m):\n"
        + f"    return tracker.observe({_ids(by_name, span, unit)})\n"
        + "\ndef offer(merge, leg, m, item, now):\n"
        + f"    return merge.offer(leg, {_offered(by_name, span, unit)})\n"
    )


def _ids(fields: dict[str, Field], span: Span, unit: str) -> str:
    """Return what a tracker is told of a message: first id, last id, previous id, closed."""
    told = _told(fields, span, unit)
    while told[-1] == "None":
        told.pop()
    return ", ".join(told)


def _offered(fields: dict[str, Field], span: Span, unit: str) -> str:
    """Return the same for two legs: ids, the item that comes back, the time, closed."""
    first, last, previous, final = _told(fields, span, unit)
    return f"{first}, {last}, {previous}, item, now" + (f", {final}" if span[3] else "")


def _told(fields: dict[str, Field], span: Span, unit: str) -> list[str]:
    first, last, previous, final = (None if name is None else fields[name] for name in span)
    edges = [_edge(field, unit) for field in (first, last) if field is not None]
    return edges + ["None" if field is None else _value(field) for field in (previous, final)]


def _edge(field: Field, unit: str) -> str:
    """Return an id, or a time in milliseconds: 0 where the wire may leave it out."""
    if not field.wire:  # our own receive time
        return "0"
    value = f"({_value(field)} or 0)" if field.nullable else _value(field)
    return value + (" // 1000" if unit == "us" and field.type == "timestamp-millis" else "")


def _value(field: Field) -> str:
    """Return the expression for a field's wire value: the first of its keys that is there."""
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
    """Return the expression for a field's bytes, the union's branch in front when nullable."""
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
    """Return a function that writes an array as one block: count, items, 0."""
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
