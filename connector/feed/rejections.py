"""Names that the exchange refuses to subscribe to.

One such name has its whole request refused: feed/session.py finds it by halving, and leaves it out.
"""

from connector.binance.ws_messages import Answer
from connector.errors import Retry
from connector.transport.ws_requests import SubscriptionRejected

# Of a connection, and at most half of its names: beyond that the exchange itself is in trouble.
MAX_REJECTED = 10


class RejectedStreams:
    """The names that one connection does without, and is not subscribed to again."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}  # by name
        self._new: list[str] = []  # not taken by `take_new` yet

    def reject(self, name: str, refusal: SubscriptionRejected, others: int) -> None:
        """Leave out a name whose request, for it alone, was refused.

        `others`: how many names of the connection were subscribed and not refused.

        Raises:
            Retry: too many are refused; none is left out, all must be subscribed again.
        """
        self.answers[name] = refusal.answer
        self._new.append(name)
        count = len(self.answers)
        if count > min(MAX_REJECTED, (count + others) // 2):
            self.answers.clear()
            self._new.clear()
            raise Retry(f"{count} of {count + others} streams refused, the last one: {refusal}")

    def forget_unless(self, wanted: dict[str, None]) -> None:
        """Forget the names that are not wanted any more: wanted again, they are subscribed."""
        self.answers = {name: answer for name, answer in self.answers.items() if name in wanted}

    def take_new(self) -> list[tuple[str, Answer]]:
        """Return the names left out since the last call, with the exchange's answers."""
        new, self._new = self._new, []
        return [(name, self.answers[name]) for name in new if name in self.answers]
