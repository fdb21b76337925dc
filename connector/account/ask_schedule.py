"""When an account is asked: after breaks, again for what was not answered, now and then. Pure.

Times are microseconds of a clock that is never set: one that goes back must not put off a retry.
"""

from dataclasses import dataclass

PICTURE_INTERVAL_US = 6 * 3_600_000_000  # a full picture at least so often: it proves the events
MIN_PICTURE_INTERVAL_US = 60_000_000  # between two pictures, however many events there are
CONFIRM_US = 10_000_000  # after a break is closed, the next picture: answers may have lagged


@dataclass(slots=True)
class AskSchedule:
    """When one account and product is asked next.

    Attributes:
        picture_us: When the last picture was written; 0: never.
        retry_us: When to ask again for what was not answered; 0: all was.
        confirm_us: When to make the picture that confirms a closed break; 0: none is due.
    """

    picture_us: int = 0
    retry_us: int = 0
    confirm_us: int = 0

    def is_due(self, now_us: int, *, must_ask: bool, has_many_events: bool) -> bool:
        """Say whether to ask now.

        Args:
            must_ask: There was a break, or no picture yet, and nobody has asked since.
            has_many_events: So many since the last picture that the progress grows large.
        """
        if self.retry_us:
            return now_us >= self.retry_us
        if must_ask:
            return True
        if self.confirm_us:
            return now_us >= self.confirm_us
        waited_us = now_us - self.picture_us
        is_wanted = has_many_events and waited_us >= MIN_PICTURE_INTERVAL_US
        return is_wanted or waited_us >= PICTURE_INTERVAL_US

    def on_break(self) -> None:
        """Forget what was due: everything is asked anew."""
        self.retry_us = self.confirm_us = 0

    def on_start(self) -> None:
        """Note that the account is being asked."""
        self.confirm_us = 0

    def on_answers(self, now_us: int, retry_s: float | None) -> None:
        """Note that answers are there; `retry_s`: until the rest is asked for; None: all is."""
        self.picture_us = now_us
        self.retry_us = 0 if retry_s is None else now_us + int(retry_s * 1e6)

    def on_closed(self) -> None:
        """Note that a break is closed by the last answers."""
        self.confirm_us = self.picture_us + CONFIRM_US
