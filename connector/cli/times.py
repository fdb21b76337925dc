"""Times as people write them on the command line."""

from datetime import UTC, datetime

from connector.errors import Refused

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
