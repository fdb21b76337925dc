"""An AsyncAPI 3 document of topics, as JSON. Pure.

The Kafka bindings are those of version 0.5.0: asyncapi.com/docs/reference/bindings/kafka.
"""

import json
from collections.abc import Sequence
from typing import Any

import connector
from connector.codec.export.contract import TopicContract
from connector.codec.export.flink_ddl import BOOTSTRAP_SERVERS, REGISTRY_URL
from connector.codec.export.sample import SampleOf

_BINDING = {"bindingVersion": "0.5.0"}
_AVRO = "application/vnd.apache.avro;version=1.12.0"


def render(topics: Sequence[TopicContract], _sample_of: SampleOf) -> str:
    """Return the document: a channel and an operation for each topic, a message for each kind."""
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "binance-kafka-connector",
            "version": connector.version(),
            "description": "Binance's streams as Kafka topics of Avro records.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/octet-stream",
        "servers": {"kafka": _server()},
        "channels": {_id(topic): _channel(topic) for topic in topics},
        "operations": {f"write-{_id(topic)}": _operation(topic) for topic in topics},
        "components": {"messages": {topic.kind: _message(topic) for topic in topics}},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _id(topic: TopicContract) -> str:
    return topic.name.replace(".", "-")


def _server() -> dict[str, Any]:
    registry = {"schemaRegistryUrl": REGISTRY_URL, "schemaRegistryVendor": "confluent"}
    return {
        "host": BOOTSTRAP_SERVERS,
        "protocol": "kafka",
        "bindings": {"kafka": registry | _BINDING},
    }


def _channel(topic: TopicContract) -> dict[str, Any]:
    policy = ["compact"] if topic.is_compacted else ["delete"]
    return {
        "address": topic.name,
        "description": f"{topic.doc}. The timestamp is {topic.time}.",
        "messages": {topic.kind: {"$ref": f"#/components/messages/{topic.kind}"}},
        "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": policy}} | _BINDING},
    }


def _operation(topic: TopicContract) -> dict[str, Any]:
    channel = f"#/channels/{_id(topic)}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{topic.kind}"}],
    }


def _message(topic: TopicContract) -> dict[str, Any]:
    """Return the message of a topic's kind: Avro behind the registry's five bytes."""
    kafka: dict[str, Any] = {"key": {"type": "string", "description": f"It is {topic.key}."}}
    if topic.schema is not None:
        kafka |= {"schemaIdLocation": "payload", "schemaIdPayloadEncoding": "confluent"}
    message: dict[str, Any] = {
        "name": topic.schema.name if topic.schema else topic.kind,
        "summary": topic.doc,
        "bindings": {"kafka": kafka | _BINDING},
    }
    if topic.headers:
        properties = {
            name: {"type": "string", "description": meaning} for name, meaning in topic.headers
        }
        message["headers"] = {"type": "object", "properties": properties}
    if topic.schema is None:
        payload: dict[str, Any] = {"type": "string", "contentEncoding": "binary"}
        return message | {"payload": payload}
    return message | {"payload": {"schemaFormat": _AVRO, "schema": json.loads(topic.schema.text)}}
