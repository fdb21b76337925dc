"""Keeps the present schemas as those of a release: `python -m tools.release_schemas 0.1.0`.

From then on a test compares every later schema with them (connector/codec/evolution.py).
"""

import sys

from connector.cli.schema_page import page
from connector.codec.export.contract import find
from connector.codec.schema import OWN, folder, kinds


def release(version: str) -> None:
    """Write schemas/released/VERSION/, each schema as it is registered."""
    target = folder() / "released" / version
    target.mkdir(parents=True, exist_ok=True)
    for kind in (*kinds(), *OWN):
        (target / f"{kind}.avsc").write_text(page(find(kind), "avsc"), encoding="utf-8")


if __name__ == "__main__":
    release(sys.argv[1])
