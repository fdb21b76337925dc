"""Log levels of single modules: their names are checked, so that no level is set for nothing."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

import connector
from connector.errors import did_you_mean

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
_OURS = "connector"


def own_modules() -> list[str]:
    """Return the names of our modules and packages."""
    root = Path(connector.__path__[0])
    paths = (path.relative_to(root).with_suffix("") for path in sorted(root.rglob("*.py")))
    names = {".".join((_OURS, *path.parts)).removesuffix(".__init__") for path in paths}
    return sorted(names)


def _known(levels: dict[str, LogLevel]) -> dict[str, LogLevel]:
    """Check the names; those of libraries are taken as they are."""
    ours = [name for name in levels if name.split(".")[0] == _OURS]
    known = own_modules() if ours else []
    for name in levels:
        if name in ours and name not in known:
            near = did_you_mean(name, known, cutoff=0.85, by_prefix=False)
            cure = f"did you mean {near!r}?" if near else "docs/logs.md has the modules that log"
            raise ValueError(f"{name!r} is no module: {cure}")
        if not name.replace("_", "").replace(".", "").isalnum():
            raise ValueError(f"{name!r} is no module's name: write it as Python does, such as a.b")
    return levels


ModuleLevels = Annotated[dict[str, LogLevel], AfterValidator(_known)]
