"""The four ways a thing can fail, named by what the caller does next. No imports, no I/O."""


class ConnectorError(Exception):
    """Root of every error this package raises on purpose."""


class Retry(ConnectorError):
    """Passing trouble: the same call may go through later.

    Args:
        message: What happened, with the value.
        after_s: Seconds to wait before trying again, where the other side told us.
    """

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Refused(ConnectorError):
    """The input is wrong: nothing changes until a person changes it (exit code 2)."""


class BadMessage(ConnectorError):
    """One message cannot become a record: it goes to the dead letter, and reading goes on.

    Args:
        reason: One of the closed list of dead-letter reasons, used as a metric label.
        detail: What was wrong with it, for the header and the log.

    Attributes:
        marked: What it leaves missing in its series is marked already.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.marked = False


class Fatal(ConnectorError):
    """The process cannot do its job: flush what can be flushed, say why, and end."""
