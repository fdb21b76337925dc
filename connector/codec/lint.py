"""Rules that every .avsc keeps, those for engines too; the tests run them. Pure."""

from connector.codec import engine_rules
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
    return [*broken, *engine_rules.findings(schema.kind, schema.text)]


def _head_findings(schema: Schema) -> list[str]:
    names = tuple(field.name for field in schema.fields[: len(HEAD)])
    return [] if names == HEAD else [f"does not begin with the common head, but {names}"]


def _field_findings(field: Field) -> list[str]:
    broken = []
    if not field.doc:
        broken.append("no doc")
    if field.name != field.name.lower() or not field.name.isidentifier():
        broken.append("the name is not snake_case")
    if field.name.endswith("_us") != (field.unit == "us" or field.name in OUR_MICROSECONDS):
        broken.append("microseconds and the suffix _us go together")
    return broken
