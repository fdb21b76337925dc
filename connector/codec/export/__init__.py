"""Schemas written for others: each format a module with a `render`, found in EXPORTS. Pure."""

from collections.abc import Mapping
from typing import Literal

from connector.codec.export import avsc, markdown
from connector.codec.export.sample import Render

Format = Literal["avsc", "markdown"]
EXPORTS: Mapping[Format, Render] = {"avsc": avsc.render, "markdown": markdown.render}
