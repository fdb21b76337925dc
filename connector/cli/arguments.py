"""The config file, as every command that reads one takes it: `FILE` or `-c FILE`."""

from datetime import UTC, datetime
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


def config_path(context: typer.Context, file: Path | None, config: Path | None) -> Path:
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


# Between these, 2001 and 2286, epoch milliseconds have 13 digits: fewer are seconds or a date.
EARLIEST, LATEST = 10**12, 10**13 - 1
_CURE = "write 2026-11-25T08:00 (UTC) or epoch milliseconds (13 digits)"


def millis(text: str | None, option: str) -> int | None:
    """Return epoch milliseconds of ISO 8601 (UTC where it says nothing else) or of such a number.

    Raises:
        Refused: it is no time; names the option.
    """
    if text is None:
        return None
    number = _read(text)
    if number is None or not EARLIEST <= number <= LATEST:
        raise Refused(f"{option} {text[:40]!r} is no time: {_dashed(text) or _CURE}")
    return number


def _read(text: str) -> int | None:
    try:
        if text.isascii() and text.isdigit():
            return int(text)
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _dashed(text: str) -> str:
    """Return how to write a date that was written without dashes; empty when it is none."""
    try:
        return f"write {datetime.strptime(text, '%Y%m%d').replace(tzinfo=UTC).date()}"
    except ValueError:
        return ""
