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
_LINE = "\n        "  # the end of a line and the indent of the next one
RECEIPT = ("receive_time", "receive_time_us", "origin", "gap_id")


def encoder_source(
    schema: Schema, unit: str, record_time: str, symbol: str, span: SpanFields, *, learned: bool
) -> str:
    """Return the source of the functions that `Codec` takes from its kind's schema.

    Args:
        schema: The kind's schema.
        unit: Unit of the times on the wire, ms or us.
        record_time: Record field that becomes the Kafka timestamp; without a wire key: None.
        symbol: Symbol rule of the catalogue's row.
        span: Record fields with an event's ids.
        learned: The decoder has keys that the schema lacks; their values go into `extra`.
    """
    fields = {field.name: field for field in schema.fields}
    arrays = [_array_source(field) for field in schema.fields if field.type == "array"]
    symbol_value = _value(fields["symbol"]) if symbol in ON_WIRE else "None"
    if symbol == "event":
        symbol_value = f"MARKET({symbol_value})"
    symbol_type = _value(fields["symbol_type"]) if "symbol_type" in fields else "None"
    time = fields[record_time]
    millis = _value(time) + (" // 1000" if unit == "us" else "") if time.wire else "None"
    first, last = (_edge(fields[name], unit) for name in span[:2])
    previous, final = ("None" if name is None else _value(fields[name]) for name in span[2:])
    observed = f"{first}, {last}, {previous}, {final}"
    while observed.endswith(", None"):
        observed = observed.removesuffix(", None")
    offered = f"{first}, {last}, {previous}, item, now" + ("" if span[3] is None else f", {final}")
    parts = f",{_LINE}".join(_parts(schema, unit, learned=learned))
    functions = f"""\
def encode(m, prefix, receipt):
    return JOIN((
        {parts},
    ))

def symbol(m):
    return {symbol_value}

def symbol_type(m):
    return {symbol_type}

def record_time(m):
    return {millis}

def span(m):
    return {first}, {last}

def observe(tracker, m):
    return tracker.observe({observed})

def offer(arbiter, feed, m, item, now):
    return arbiter.offer(feed, {offered})
"""
    return "\n\n".join((*arrays, functions))


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


def _edge(field: Field, unit: str) -> str:
    """Return the expression of an id, or of a time in ms; 0 where the wire has none."""
    if not field.wire:  # our own receive time
        return "0"
    value = f"({_value(field)} or 0)" if field.nullable else _value(field)
    return value + (" // 1000" if unit == "us" and field.type == "timestamp-millis" else "")


def _value(field: Field) -> str:
    """Return the expression of a field's wire value: the first of its keys that is present."""
    paths = ["m." + ".".join(map(attribute, str(path).split("."))) for path in field.wire]
    text = paths[-1]
    for path in reversed(paths[:-1]):
        text = f"({path} if {path} is not None else {text})"
    if len(paths) > 1 and not field.nullable and field.name != PREFIX[0]:
        text = f"NEEDED({text}, {' or '.join(map(str, field.wire))!r})"
    return text


def _expression(field: Field, value: str, unit: str) -> str:
    """Return the expression of a field's bytes; of a nullable one with its union's branch index."""
    if field.unit == "us":
        known = f'b"\\x00" if {value} is None else b"\\x02" + LONG({value})'
        return known if unit == "us" else 'b"\\x00"'
    if field.type == "timestamp-millis" and unit == "us":
        encoded = f"LONG({value} // 1000)"
    else:
        encoded = ("NUMBER({0})" if field.number else _ENCODED[field.type]).format(value)
    if not field.nullable:
        return encoded
    absent = _ABSENT.get(field.type, "{0} is None").format(value)
    return f'b"\\x00" if {absent} else b"\\x02" + {encoded}'


# What the wire says where there is no value, beside leaving the key out: no text, the year 1970.
_ABSENT = {"decimal": '{0} is None or {0} == ""', "timestamp-millis": "not {0}"}
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
    adds = [f"add({_expression(*pair, 'ms')})" for pair in zip(field.items, values, strict=True)]
    return f"""\
def {field.name}(items):
    if not items:
        return b"\\x00"
    out = [LONG(len(items))]
    add = out.append
    for {target} in items:
        {_LINE.join(adds)}
    add(b"\\x00")
    return JOIN(out)
"""
