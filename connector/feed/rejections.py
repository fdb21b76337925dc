"""Names that the exchange refuses to subscribe to: one takes its whole request with it, so that
it is found by halving (feed/session.py), left out, and named.
"""

from connector.binance.ws_messages import Answer
from connector.errors import Retry
from connector.transport.websocket import SubscriptionRejected

MAX_REJECTED = (
    10  # of a connection, and at most half of its names: beyond it the exchange is in trouble
)


class RejectedStreams:
    """The names that one connection does without.

    Attributes:
        answers: Name -> the exchange's answer; not asked again on this connection.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self._unsaid: list[str] = []

    def reject(self, name: str, refused: SubscriptionRejected, others: int) -> None:
        """Do without a name that was refused alone.

        Args:
            name: Which one.
            refused: The refusal.
            others: Names that were asked for and not refused.

        Raises:
            Retry: too many are refused; all of them are to be asked for again.
        """
        self.answers[name] = refused.answer
        self._unsaid.append(name)
        count = len(self.answers)
        if count > min(MAX_REJECTED, (count + others) // 2):
            self.answers.clear()
            self._unsaid.clear()
            raise Retry(f"{count} of {count + others} streams refused, the last one: {refused}")

    def forget_unless(self, wanted: dict[str, None]) -> None:
        """Keep only names that are still wanted: who wants one anew asks anew."""
        self.answers = {name: one for name, one in self.answers.items() if name in wanted}

    def take_new(self) -> list[tuple[str, Answer]]:
        """Return the names left out since the last call, with the exchange's answers."""
        unsaid, self._unsaid = self._unsaid, []
        return [(name, self.answers[name]) for name in unsaid if name in self.answers]
