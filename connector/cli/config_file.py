"""The config file, as every command that reads one takes it: `FILE` or `-c FILE`."""

from pathlib import Path
from typing import Annotated

import typer

from connector.errors import Refused

DEFAULT = Path("connector.yaml")

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE", help="The config file.", show_default=str(DEFAULT), show_envvar=False
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The config file, in place of FILE.", envvar="BKC_CONFIG_FILE"
    ),
]


def chosen(context: typer.Context, file: Path | None, config: Path | None) -> Path:
    """Return the file that was named; one in the environment gives way to any other.

    Raises:
        Refused: two were named.
    """
    source = context.get_parameter_source("config")
    from_environment = source is not None and source.name == "ENVIRONMENT"
    if file is None or config is None or from_environment:
        return file or config or DEFAULT
    if file != config:
        raise Refused(f"two config files are named, {file} and {config}: leave one out")
    return file
