"""A schema as it is registered."""

import json

import fastavro
import pytest

from connector.codec.export import avsc
from connector.codec.export.contract import find, topics
from connector.codec.export.sample import Sample
from connector.codec.schema import OUR_ATTRIBUTES, OWN, kinds, load


def no_sample(kind: str) -> Sample:
    raise AssertionError(f"no sample of {kind} is needed")


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_it_is_plain_avro_and_needs_no_sample(kind: str) -> None:
    text = avsc.render(find(kind), no_sample)

    assert json.loads(text) == json.loads(load(kind).text)
    fastavro.parse_schema(json.loads(text))
    assert not any(f'"{name}":' in text for name in OUR_ATTRIBUTES)


def test_it_is_indented_and_ends_with_a_line_end() -> None:
    lines = avsc.render(find("trade"), no_sample).splitlines(keepends=True)

    assert lines[:2] == ["{\n", '  "type": "record",\n']
    assert lines[-1] == "}\n"


def test_several_kinds_are_an_array_with_each_schema_once() -> None:
    schemas = json.loads(avsc.render(topics(), no_sample))

    assert sorted(schema["name"] for schema in schemas) == sorted(
        load(kind).name for kind in (*kinds(), *OWN)
    )
