"""The rules every .avsc keeps, as a list of what breaks them. Run by the tests."""

from connector.codec.schema import OWN, Field, Schema

HEAD = (
    "symbol",
    "product",
    "stream_name",
    "event_time",
    "event_time_us",
    "receive_time",
    "receive_time_us",
    "origin",
    "gap_id",
    "extra",
)
FILLED_BY_US = frozenset(HEAD) - {"symbol", "event_time", "event_time_us"}
OUR_MICROSECONDS = frozenset({"receive_time_us", "marked_time_us"})
TYPES = frozenset({"string", "long", "int", "boolean", "timestamp-millis", "decimal", "array"})
# Names Flink 2.3 refuses without back-ticks (250 tried, 2026-11-22); Spark takes them all.
SQL_WORDS = frozenset(  # one text: a list would take sixty lines
    """array avg close condition count cross current date day default end filter group hash
    hour interval language limit local match max measures method min minute module month new next
    offset old open order parameter partition percent period position range rank raw real ref
    reset result row rows scope second set start stream sum system time timestamp to update user
    using value values when window year""".split()  # noqa: SIM905
)


def findings(schema: Schema) -> list[str]:
    """Return one sentence per broken rule; empty when the schema is good."""
    ours = schema.kind in OWN  # written by us alone: no common head, nothing from a wire
    found = [] if ours else [f"{schema.kind}: {text}" for text in _head(schema)]
    for field in schema.fields:
        found += [f"{schema.kind}.{field.name}: {text}" for text in _field(field)]
        own = field.name not in FILLED_BY_US and not ours
        if own and not field.wire:
            found.append(f"{schema.kind}.{field.name}: no wire origin")
        for item in field.items:
            found += [f"{schema.kind}.{field.name}.{item.name}: {text}" for text in _field(item)]
    return found


def _head(schema: Schema) -> list[str]:
    names = tuple(field.name for field in schema.fields[: len(HEAD)])
    return [] if names == HEAD else [f"does not begin with the common head, but {names}"]


def _field(field: Field) -> list[str]:
    found = []
    if not field.doc:
        found.append("no doc")
    if field.type not in TYPES:
        found.append(f"type {field.type!r} is not one all engines read")
    if field.name in SQL_WORDS:
        found.append("the name is an SQL word Flink refuses")
    if field.name != field.name.lower() or not field.name.isidentifier():
        found.append("the name is not snake_case")
    if field.name.endswith("_us") != (field.unit == "us" or field.name in OUR_MICROSECONDS):
        found.append("microseconds and the suffix _us go together")
    return found
