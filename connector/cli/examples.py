"""The example files: in the installed package, else beside it."""

from importlib import resources
from pathlib import Path


def example(name: str) -> Path:
    """Return an example file."""
    inside = Path(str(resources.files("connector"))) / "examples" / name
    return inside if inside.is_file() else inside.parents[2] / "examples" / name
