"""The AsyncAPI document. Its form was checked with @asyncapi/parser 3.6.6 and its Avro parser."""

import json
from typing import Any

from connector.codec.export import asyncapi
from connector.codec.export.contract import find, topics
from connector.codec.export.sample import Sample
from connector.codec.schema import load

EVERY = topics()


def no_sample(kind: str) -> Sample:
    raise AssertionError(f"no sample of {kind} is needed")


def document() -> dict[str, Any]:
    return dict(json.loads(asyncapi.render(EVERY, no_sample)))


def references(raw: Any) -> list[str]:
    if isinstance(raw, dict):
        found = [str(raw["$ref"])] if "$ref" in raw else []
        return found + references([*raw.values()])
    return [found for each in raw for found in references(each)] if isinstance(raw, list) else []


def test_every_topic_is_a_channel_that_is_written_to() -> None:
    shown = document()

    assert {channel["address"] for channel in shown["channels"].values()} == {
        topic.name for topic in EVERY
    }
    written = {operation["channel"]["$ref"] for operation in shown["operations"].values()}
    assert written == {f"#/channels/{name}" for name in shown["channels"]}


def test_every_reference_leads_to_something() -> None:
    shown = document()

    for reference in references({**shown, "components": {}}):
        target: Any = shown
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert target


def test_a_message_has_the_schema_as_registered_and_says_what_the_key_is() -> None:
    trade = document()["components"]["messages"]["trade"]

    assert trade["payload"]["schema"] == json.loads(load("trade").text)
    kafka = trade["bindings"]["kafka"]
    assert kafka["key"] == {"type": "string", "description": "It is the symbol."}
    assert (kafka["schemaIdLocation"], kafka["schemaIdPayloadEncoding"]) == ("payload", "confluent")


def test_raw_bytes_have_headers_and_no_schema() -> None:
    shown = json.loads(asyncapi.render(find("dead-letter"), no_sample))
    letter = shown["components"]["messages"]["dead-letter"]

    assert list(letter["headers"]["properties"]) == ["reason", "detail", "source", "size"]
    assert "schema" not in letter["payload"]
    assert "schemaIdLocation" not in letter["bindings"]["kafka"]


def test_what_is_compacted_says_so() -> None:
    channels = document()["channels"]
    policies = {
        name: channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"]
        for name, channel in channels.items()
    }

    compacted = {name for name, policy in policies.items() if policy == ["compact"]}
    assert compacted == {
        "binance-progress",
        "binance-checkpoints",
        "binance-account-progress",
    }
