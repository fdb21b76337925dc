"""Topics written for others: each format a module with a `render`, found in EXPORTS. Pure."""

from collections.abc import Mapping
from typing import Literal

from connector.codec.export import asyncapi, avsc, flink_ddl, markdown, spark
from connector.codec.export.sample import Render

Format = Literal["avsc", "flink-ddl", "spark", "asyncapi", "markdown"]
EXPORTS: Mapping[Format, Render] = {
    "avsc": avsc.render,
    "flink-ddl": flink_ddl.render,
    "spark": spark.render,
    "asyncapi": asyncapi.render,
    "markdown": markdown.render,
}
