"""Schemas as they are registered: Avro's JSON, indented. Pure."""

import json
from collections.abc import Sequence

from connector.codec.export.contract import TopicContract, schemas_of
from connector.codec.export.sample import SampleOf


def render(topics: Sequence[TopicContract], _sample_of: SampleOf) -> str:
    """Return the schema without the connector's own attributes; of several kinds an array."""
    schemas = [json.loads(schema.text) for schema in schemas_of(topics)]
    shown = schemas[0] if len(schemas) == 1 else schemas
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"
