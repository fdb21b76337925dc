"""What an error means for whoever ran a command: a sentence and an exit code."""

from connector.errors import Fatal, Refused, Retry

NOT_STORED = 1  # the exit code when something that was read is in no topic
BUG = 4  # the exit code of an error that nobody expected


def ending(error: Refused | Retry | Fatal) -> tuple[str, int]:
    """Return sentence and exit code of an error that the package raises on purpose."""
    if isinstance(error, Refused):
        return str(error), 2
    if isinstance(error, Retry):
        return f"could not reach: {error}", 3
    return f"gave up: {error}", 4
