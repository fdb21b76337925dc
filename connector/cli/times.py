"""Times as people write them on the command line."""

from datetime import UTC, datetime

from connector.errors import Refused


def millis(text: str | None, option: str) -> int | None:
    """Return epoch milliseconds of ISO 8601 (UTC where it says nothing else) or of such a number.

    Raises:
        Refused: it is no time; names the option.
    """
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(
            f"{option} {text!r} is no time: write 2026-11-25T08:00 (UTC) or epoch milliseconds"
        ) from error
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
