"""A schema as it is registered: Avro's JSON, indented. Pure."""

import json

from connector.codec.export.sample import SampleOf
from connector.codec.schema import Schema


def render(schema: Schema, _sample_of: SampleOf) -> str:
    """Return the schema without the connector's own attributes."""
    return json.dumps(json.loads(schema.text), indent=2, ensure_ascii=False) + "\n"
