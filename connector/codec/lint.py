"""Rules that every .avsc keeps; the tests run them. Pure."""

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
TYPES = frozenset(
    {"string", "long", "int", "boolean", "timestamp-millis", "decimal", "array", "record"}
)
# Names that Flink 2.3 rejects without back-ticks (250 tried, 2026-11-22); Spark accepts them.
SQL_WORDS = frozenset(  # one text: a list would take sixty lines
    """array avg close condition count cross current date day default end filter group hash
    hour interval language limit local match max measures method min minute module month new next
    offset old open order parameter partition percent period position range rank raw real ref
    reset result row rows scope second set start stream sum system time timestamp to update user
    using value values when window year""".split()  # noqa: SIM905
)


def findings(schema: Schema) -> list[str]:
    """Return a sentence for each broken rule, with kind and field; empty: the schema is good."""
    own = schema.kind in OWN  # the connector's own record: no common head, no wire keys
    broken = [] if own else [f"{schema.kind}: {text}" for text in _head_findings(schema)]
    for field in schema.fields:
        broken += [f"{schema.kind}.{field.name}: {text}" for text in _field_findings(field)]
        if not own and field.name not in FILLED_BY_US and not field.wire:
            broken.append(f"{schema.kind}.{field.name}: no wire key")
        for item in field.items:
            path = f"{schema.kind}.{field.name}.{item.name}"
            broken += [f"{path}: {text}" for text in _field_findings(item)]
    return broken


def _head_findings(schema: Schema) -> list[str]:
    names = tuple(field.name for field in schema.fields[: len(HEAD)])
    return [] if names == HEAD else [f"does not begin with the common head, but {names}"]


def _field_findings(field: Field) -> list[str]:
    broken = []
    if not field.doc:
        broken.append("no doc")
    if field.type not in TYPES:
        broken.append(f"type {field.type!r} is not one all engines read")
    if field.name in SQL_WORDS:
        broken.append("the name is an SQL word Flink rejects")
    if field.name != field.name.lower() or not field.name.isidentifier():
        broken.append("the name is not snake_case")
    if field.name.endswith("_us") != (field.unit == "us" or field.name in OUR_MICROSECONDS):
        broken.append("microseconds and the suffix _us go together")
    return broken
