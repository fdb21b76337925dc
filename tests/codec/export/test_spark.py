"""The Python module for Spark. tests/engines runs it in Spark."""

import ast
import json
from typing import Any

from connector.codec.export import spark
from connector.codec.export.contract import find, topics
from connector.codec.export.sample import Sample
from connector.codec.schema import load


def no_sample(kind: str) -> Sample:
    raise AssertionError(f"no sample of {kind} is needed")


def table(source: str, name: str) -> Any:
    """Return the value of a constant of the module."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"no {name}")


def docs_of(raw: Any) -> list[str]:
    if isinstance(raw, dict):
        return [key for key in raw if key == "doc"] + docs_of([*raw.values()])
    return [doc for each in raw for doc in docs_of(each)] if isinstance(raw, list) else []


def test_the_module_has_every_topic_and_each_schema_once() -> None:
    every = topics()
    source = spark.render(every, no_sample)

    assert table(source, "TOPICS") == {
        topic.name: topic.kind if topic.schema else None for topic in every
    }
    schemas = table(source, "SCHEMAS")
    assert set(schemas) == {topic.kind for topic in every if topic.schema}
    for kind, text in schemas.items():
        names = [field["name"] for field in json.loads(text)["fields"]]
        assert names == [field.name for field in load(kind).fields]
        assert docs_of(json.loads(text)) == []


def test_one_topic_is_a_module_too() -> None:
    source = spark.render(find("md.spot.trade"), no_sample)

    assert table(source, "TOPICS") == {"md.spot.trade": "trade"}
    assert list(table(source, "SCHEMAS")) == ["trade"]
    functions = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    assert {"read_stream", "read_batch", "decoded", "writer_schemas"} <= functions
