"""Requests on a market connection, matched with their answers. No I/O."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from connector.binance.ws_messages import Answer
from connector.errors import Retry


class SubscriptionRejected(Retry):
    """The exchange answered a request with an error; `number` is the id of the request."""

    def __init__(self, number: int, names: Sequence[str], answer: Answer) -> None:
        shown = names[0] if len(names) == 1 else f"{names[0]} ..."
        super().__init__(f"request {number} refused: {answer.code} {answer.message} ({shown})")
        self.answer = answer


class PendingRequests:
    """The requests of one connection that are not answered yet."""

    def __init__(self) -> None:
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._next_id = 1

    @contextlib.contextmanager
    def open(self) -> Iterator[tuple[int, asyncio.Future[Answer]]]:
        """Yield the id of a new request, and its answer to come; leaving gives the request up."""
        number = self._next_id
        self._next_id += 1
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            yield number, answer
        finally:
            del self._answers[number]

    def resolve(self, answer: Answer) -> None:
        """Give an answer to its request. An error without an id goes to the only request open."""
        waiting = self._answers.get(answer.id) if isinstance(answer.id, int) else None
        if waiting is None and answer.is_error and len(self._answers) == 1:
            [waiting] = self._answers.values()
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
