"""Options that several commands have, and what their values mean."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Context, Option

from connector.binance.products import Product
from connector.errors import Refused

DEFAULT = Path("connector.yaml")
ACCOUNT_DEFAULT = Path("account.yaml")

File = Annotated[
    Path | None,
    Argument(metavar="FILE", help=f"The config file, else {DEFAULT}.", show_default=False),
]
AccountFile = Annotated[
    Path | None,
    Argument(metavar="FILE", help=f"The config file, else {ACCOUNT_DEFAULT}.", show_default=False),
]
Config = Annotated[
    Path | None,
    Option(*("--config", "-c"), metavar="FILE", help="In place of FILE.", envvar="BKC_CONFIG_FILE"),
]
PRODUCT_NAMES = "spot, usdm, coinm or options"
ProductName = Annotated[Product, Option(metavar="PRODUCT", help=f"Its name: {PRODUCT_NAMES}.")]
# Those with market streams, then those that have accounts alone (binance/account_events).
EventProduct = Literal[
    "spot",
    "usdm",
    "coinm",
    "options",
    "margin",
    "margin_risk",
    "margin_uta",
    "portfolio_margin",
    "portfolio_margin_pro",
    "stocks",
    "pm",
    "pmpro",
]
AsJson = Annotated[bool, Option("--json", help="Print JSON, for machines.")]
Since = Annotated[
    str | None, Option("--from", metavar="TIME", help="ISO 8601 or epoch milliseconds; UTC.")
]


def config_path(
    context: Context, file: Path | None, config: Path | None, default: Path = DEFAULT
) -> Path:
    """Return FILE or -c, else the environment's file, else the default; raises Refused for two."""
    source = context.get_parameter_source("config")
    from_environment = source is not None and source.name == "ENVIRONMENT"
    if file is None or config is None or from_environment:
        return file or config or default
    if file != config:
        raise Refused(f"two config files are named, {file} and {config}: leave one out")
    return file


# Between 2001 and 2286 epoch milliseconds have 13 digits; fewer are seconds or a date.
MIN_EPOCH_MS, MAX_EPOCH_MS = 10**12, 10**13 - 1
_CURE = "write 2026-11-25T08:00 (UTC) or epoch milliseconds (13 digits)"


def epoch_millis(text: str | None, option: str) -> int | None:
    """Return a time as epoch milliseconds; None for None.

    The text is ISO 8601, UTC without a zone, or epoch milliseconds.

    Raises:
        Refused: not a time; names the option.
    """
    if text is None:
        return None
    millis = _parse(text)
    if millis is None or not MIN_EPOCH_MS <= millis <= MAX_EPOCH_MS:
        raise Refused(f"{option} {text[:40]!r} is no time: {_with_dashes(text) or _CURE}")
    return millis


def _parse(text: str) -> int | None:
    try:
        if text.isascii() and text.isdigit():
            return int(text)
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _with_dashes(text: str) -> str:
    """Return the cure for a date written without dashes; "" for anything else."""
    try:
        return f"write {datetime.strptime(text, '%Y%m%d').replace(tzinfo=UTC).date()}"
    except ValueError:
        return ""
