"""A Python module for Spark that reads topics as data frames: the text around each schema. Pure."""

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from connector.codec.export.contract import TopicContract
from connector.codec.export.sample import SampleOf

_TEMPLATE = "spark_reader.py.txt"


def render(topics: Sequence[TopicContract], _sample_of: SampleOf) -> str:
    """Return the module: the readers, then which topic has which schema, and the schemas."""
    template = resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    kinds = {topic.name: topic.kind if topic.schema else None for topic in topics}
    schemas = {topic.kind: _undocumented(topic.schema.text) for topic in topics if topic.schema}
    named = [f'    "{name}": {_literal(kind)},' for name, kind in kinds.items()]
    texts = [f"    \"{kind}\": r'''{text}'''," for kind, text in schemas.items()]
    for place, lines in (("    # TOPICS", named), ("    # SCHEMAS", texts)):
        template = template.replace(place, "\n".join(lines))
    return template


def _literal(kind: str | None) -> str:
    return "None" if kind is None else json.dumps(kind)


def _undocumented(text: str) -> str:
    """Return a schema's text without its docs, which Spark does not read."""
    return json.dumps(_without_docs(json.loads(text)), separators=(",", ":"))


def _without_docs(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: _without_docs(value) for key, value in raw.items() if key != "doc"}
    return [_without_docs(value) for value in raw] if isinstance(raw, list) else raw
