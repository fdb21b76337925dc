"""Plays captures on the exchange's sockets: at their pace, faster, or without pauses."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.errors import Refused
from connector.lab import capture_file
from connector.lab.capture_file import Line
from connector.lab.delivery import Delivery
from connector.lab.market import Event
from connector.lab.message import Message

POLL_INTERVAL_S = 0.02
MAX_AT_ONCE = 500  # after so many messages the connections get their turn


@dataclass(frozen=True, slots=True)
class Capture:
    """A file to play.

    Attributes:
        path: JSON lines.
        product: Whose streams they are.
        stream: Name of the stream of raw payloads; None: it is inferred.
    """

    path: Path
    product: Product
    stream: str | None = None


class Player:
    """A source of messages: begins when somebody has subscribed to one of its streams.

    In the oracle its events have their number within their stream as identity.

    Args:
        files: Played together, all beginning at once.
        speed: Times the captures' own pace; `math.inf`: without pauses.
        loop: Begin again at the end.
        report: Called with a sentence when it begins and ends.

    Attributes:
        played: Messages emitted.
    """

    def __init__(
        self,
        files: list[Capture],
        speed: float = 1.0,
        *,
        loop: bool = False,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.played = 0
        self._files = files
        self._speed = speed
        self._loop = loop
        self._report = report
        self._streams: set[tuple[Product, str]] = set()
        self._numbers: dict[Stream, int] = {}

    def check(self) -> int:
        """Read everything once and return how many messages there are.

        Raises:
            Refused: a file cannot be read, or has a line that cannot be played, or none at all.
        """
        streams: set[tuple[Product, str]] = set()
        count = 0
        for line in self._lines():
            streams.add((line.stream.product, line.stream.name))
            count += 1
        if not count:
            raise Refused(f"{', '.join(str(file.path) for file in self._files)}: nothing to play")
        self._streams = streams
        return count

    def _lines(self) -> Iterator[Line]:
        with ExitStack() as opened:
            readers = []
            for capture in self._files:
                try:
                    file = opened.enter_context(capture.path.open("rb"))
                except OSError as error:
                    raise Refused(f"{capture.path}: {error.strerror}") from error
                readers.append(
                    capture_file.read(file, str(capture.path), capture.product, capture.stream)
                )
            yield from capture_file.together(readers)

    async def run(self, delivery: Delivery, running: asyncio.Event) -> None:
        """Emit the captures' messages, once or again and again."""
        await asyncio.to_thread(self.check)
        while not self._streams & delivery.wanted.keys():
            await asyncio.sleep(POLL_INTERVAL_S)
        self._report("playing")
        await self._once(delivery, running)
        while self._loop:
            self._report("playing again")
            await self._once(delivery, running)
        self._report(f"played {messages(self.played)} to the end")

    async def _once(self, delivery: Delivery, running: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        for line in self._lines():
            wait = began + line.at_ms / 1000 / self._speed - clock()
            if wait > 0:
                await asyncio.sleep(wait)
            elif self.played % MAX_AT_ONCE == 0:
                await asyncio.sleep(0)
                while delivery.crowded():
                    await asyncio.sleep(POLL_INTERVAL_S)
            if not running.is_set():
                stopped = clock()
                await running.wait()
                began += clock() - stopped
            if delivery.makes(line.stream):
                delivery.emit(self._message(line))
            self.played += 1

    def _message(self, line: Line) -> Message:
        stream = line.stream
        number = self._numbers[stream] = self._numbers.get(stream, 0) + 1
        payload = json.loads(line.payload)
        named = payload.get("s") if isinstance(payload, dict) else None
        symbol = stream.symbol or str(named or "")
        event = Event(stream.product, stream.name, symbol, (number,), {"payload": payload})
        return Message(stream.product, stream.name, line.payload, (event,))


def messages(number: int) -> str:
    """Return a number of messages in words."""
    return f"{number} message{'' if number == 1 else 's'}"


def speed_of(text: str) -> float:
    """Return what `--speed` means: a factor, or `max`.

    Raises:
        Refused: neither.
    """
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < math.inf:
        raise Refused(f"--speed {text!r}: give a number above 0 (10: ten times as fast), or max")
    return speed
