"""Makes docs/chart.md from the chart's schema and its defaults."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent.parent / "helm" / "binance-kafka-connector"
HEAD = """# Values of the chart

Generated from `values.schema.json` and `values.yaml` of `helm/binance-kafka-connector` by
`make docs`. How to install it: [deploy.md](deploy.md). Unknown values are refused at every level of
this page; what Kubernetes takes as it stands (affinity, volumes, ...) is not looked into.

`market.pod` and `accounts.NAME.pod` take what `pod` takes (but `port`) and say what is different
for that worker.

| value | default | meaning |
|---|---|---|
"""


def page() -> str:
    """Return the page."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    rows = [
        f"| `{path}` | {_shown(default)} | {description.replace('|', chr(92) + '|')} |"
        for path, description, default in _values(schema, defaults)
    ]
    return HEAD + "\n".join(rows) + "\n"


def _values(
    schema: Mapping[str, Any], defaults: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, str, Any]]:
    """Yield path, description and default of each value; of a group, those of its values."""
    for name, value in schema["properties"].items():
        path, default = above + name, defaults.get(name)
        if "properties" in value:
            yield path, f"**{value['description']}**", {}
            yield from _values(value, default or {}, f"{path}.")
            continue
        yield path, value["description"], default
        inner = value.get("additionalProperties", value.get("items"))
        if isinstance(inner, dict) and "properties" in inner:
            place = f"{path}.NAME." if value["type"] == "object" else f"{path}[]."
            yield from _values(inner, {}, place)


def _shown(default: Any) -> str:
    if default in (None, "", {}, []):
        return ""
    return f"`{json.dumps(default)}`".replace("|", "\\|")
