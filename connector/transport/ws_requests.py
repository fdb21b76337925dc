"""Requests on a market connection: matched with their answers, sized by how they fared. No I/O."""

import asyncio
import contextlib
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from connector.binance.envelope import name_in
from connector.binance.ws_messages import MAX_REQUEST_BYTES, Answer, chunks, subscribe
from connector.errors import Retry

MAX_LATE_ANSWERS = 4  # 10, 20, 40 and 60 s; 4,000 to 500 bytes
MIN_REQUEST_BYTES = 500
MAX_ANSWER_TIMEOUT_S = 60.0
PING_INTERVAL_S = 1.0  # while an answer is awaited


class RequestPace:
    """How large requests may be, and how long their answers are waited for.

    After an answer that did not come in time requests are half as large and are waited for twice as
    long, so that an exchange that is late, or reads only small requests, is subscribed to at last.
    Once nothing is left to try, requests count as carried out without an answer: streams that do
    not deliver are suspected and subscribed again. Connections to one exchange share it. It never
    goes back.
    """

    def __init__(self) -> None:
        self._late = 0  # answers that did not come in time

    def note_late(self) -> None:
        """Note an answer that did not come in time."""
        self._late += 1

    @property
    def is_exhausted(self) -> bool:
        """Whether the smallest requests and the longest wait have been tried."""
        return self._late >= MAX_LATE_ANSWERS

    @property
    def max_bytes(self) -> int:
        """Bytes of a request, frame header included."""
        return max(MIN_REQUEST_BYTES, MAX_REQUEST_BYTES >> self._late)

    def timeout_s(self, first_s: float) -> float:
        """Return the seconds to wait for an answer; `first_s`: as long as none was late."""
        return max(first_s, min(MAX_ANSWER_TIMEOUT_S, first_s * 2.0**self._late))


class SubscriptionRejected(Retry):
    """The exchange answered a request with an error; `number` is the id of the request."""

    def __init__(self, number: int, names: Sequence[str], answer: Answer) -> None:
        shown = names[0] if len(names) == 1 else f"{names[0]} ..."
        super().__init__(f"request {number} refused: {answer.code} {answer.message} ({shown})")
        self.answer = answer


class AnswerLate(Retry):
    """A request was not answered in time, and no data showed that it was carried out."""


BuildRequest = Callable[[Sequence[str], int], bytes]  # of names and an id; see ws_messages


class Wire(Protocol):
    """The connection that requests are made on."""

    closed: "asyncio.Future[Any]"

    async def send(self, message: bytes) -> None:
        """Send a text message when the budget allows. Raises Retry if the connection is closed."""

    def send_ping(self) -> None:
        """Send a ping, if the message budget allows."""


class PendingRequests:
    """The requests of one connection that are not answered yet.

    Attributes:
        unproved: Names in open SUBSCRIBE requests, as bytes: their data proves a request as well as
            its answer does.
    """

    def __init__(self, pace: RequestPace | None = None) -> None:
        self._pace = pace or RequestPace()
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._next_id = 1
        self.unproved: dict[bytes, int] = {}  # -> id of the request
        self._proved: set[int] = set()

    async def make(
        self, wire: Wire, build: BuildRequest, names: Sequence[str], timeout_s: float
    ) -> None:
        """Make requests of these names, one after the other, each once the one before is answered.

        Args:
            wire: The connection.
            build: Of the messages: `subscribe` or `unsubscribe`.
            names: Wire names of streams.
            timeout_s: To wait for an answer, as long as none was late.

        Raises:
            SubscriptionRejected: an answer is an error.
            AnswerLate: there was none in time, nor data of any of the request's names.
            Retry: the connection closed.
        """
        for chunk in chunks(names, max_bytes=self._pace.max_bytes):
            with self.open(chunk if build is subscribe else ()) as (number, answer):
                await wire.send(build(chunk, number))
                await self._wait(wire, number, answer, self._pace.timeout_s(timeout_s))
                self._check(wire, number, answer, chunk)

    async def _wait(
        self, wire: Wire, number: int, answer: "asyncio.Future[Answer]", timeout_s: float
    ) -> None:
        """Wait for an answer, a proof without one, the end of the connection, or the time-out.

        Pings are sent meanwhile: a host that has not read all of a request goes on when bytes
        follow.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while (left_s := deadline - loop.time()) > 0.0:
            wait_s = min(PING_INTERVAL_S, left_s)
            ends = (answer, wire.closed)
            done, _ = await asyncio.wait(ends, timeout=wait_s, return_when=FIRST_COMPLETED)
            if done or number in self._proved:
                return
            wire.send_ping()

    def _check(
        self, wire: Wire, number: int, answer: "asyncio.Future[Answer]", names: Sequence[str]
    ) -> None:
        """Raise, unless the request is acknowledged, or its data shows that it was carried out."""
        if answer.done():
            if answer.result().is_error:
                raise SubscriptionRejected(number, names, answer.result())
        elif wire.closed.done():
            raise Retry(f"closed before request {number} was answered: {wire.closed.result()}")
        elif number not in self._proved and not self._pace.is_exhausted:
            self._pace.note_late()
            raise AnswerLate(f"no answer to request {number} of {len(names)} streams")

    @contextlib.contextmanager
    def open(self, names: Iterable[str] = ()) -> Iterator[tuple[int, asyncio.Future[Answer]]]:
        """Yield the id of a new request, and its answer to come; leaving gives the request up.

        Data of `names` proves that the request was carried out.
        """
        number = self._next_id
        self._next_id += 1
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.unproved |= dict.fromkeys((name.encode() for name in names), number)
        try:
            yield number, answer
        finally:
            del self._answers[number]
            self._settle(number)
            self._proved.discard(number)

    def _settle(self, number: int) -> None:
        self.unproved = {name: each for name, each in self.unproved.items() if each != number}

    def note_data(self, frames: Iterable[bytes]) -> None:
        """Note the requests that these frames prove; call it while there are `unproved` names."""
        for name in self.unproved.keys() & {name_in(frame) for frame in frames}:
            if (number := self.unproved.get(name)) is not None:
                self._proved.add(number)
                self._settle(number)

    def resolve(self, answer: Answer) -> None:
        """Give an answer to its request. An error without an id goes to the only request open."""
        waiting = self._answers.get(answer.id) if isinstance(answer.id, int) else None
        if answer.id is None and answer.is_error and len(self._answers) == 1:
            [waiting] = self._answers.values()
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
