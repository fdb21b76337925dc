"""Plays captures on the exchange's sockets, at their pace, faster, or as fast as it goes."""

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

LOOK_S = 0.02
MOST_AT_ONCE = 500  # after so many messages the connections get their turn


@dataclass(frozen=True, slots=True)
class Capture:
    """A file to play.

    Attributes:
        path: JSON lines.
        product: Whose streams they are.
        stream: Name of the stream of raw payloads; None: they tell, or are guessed.
    """

    path: Path
    product: Product
    stream: str | None = None


class Player:
    """A source of messages: begins when somebody has subscribed to one of its streams.

    The oracle knows its events by their number within their stream: a capture tells no truth
    beyond itself.

    Args:
        files: Played together, all beginning at once.
        speed: Times the captures' own pace; `math.inf`: without pauses.
        loop: Begin again at the end.
        tell: Called with a sentence when it begins and ends.

    Attributes:
        played: Messages emitted.
    """

    def __init__(
        self,
        files: list[Capture],
        speed: float = 1.0,
        *,
        loop: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.played = 0
        self._files = files
        self._speed = speed
        self._loop = loop
        self._tell = tell
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
            raise Refused(f"{', '.join(str(one.path) for one in self._files)}: nothing to play")
        self._streams = streams
        return count

    def _lines(self) -> Iterator[Line]:
        with ExitStack() as opened:
            readers = []
            for one in self._files:
                try:
                    file = opened.enter_context(one.path.open("rb"))
                except OSError as error:
                    raise Refused(f"{one.path}: {error.strerror}") from error
                readers.append(capture_file.read(file, str(one.path), one.product, one.stream))
            yield from capture_file.together(readers)

    async def run(self, wire: Delivery, running: asyncio.Event) -> None:
        """Emit the captures' messages, once or again and again."""
        await asyncio.to_thread(self.check)
        while not self._streams & wire.wanted.keys():
            await asyncio.sleep(LOOK_S)
        self._tell("playing")
        await self._once(wire, running)
        while self._loop:
            self._tell("playing again")
            await self._once(wire, running)
        self._tell(f"played {messages(self.played)} to the end")

    async def _once(self, wire: Delivery, running: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        for line in self._lines():
            wait = began + line.at_ms / 1000 / self._speed - clock()
            if wait > 0:
                await asyncio.sleep(wait)
            elif self.played % MOST_AT_ONCE == 0:
                await asyncio.sleep(0)
                while wire.crowded():
                    await asyncio.sleep(LOOK_S)
            if not running.is_set():
                stopped = clock()
                await running.wait()
                began += clock() - stopped
            wire.emit(self._message(line))
            self.played += 1

    def _message(self, line: Line) -> Message:
        stream = line.stream
        number = self._numbers[stream] = self._numbers.get(stream, 0) + 1
        told = json.loads(line.payload)
        named = told.get("s") if isinstance(told, dict) else None
        symbol = stream.symbol or str(named or "")
        event = Event(stream.product, stream.name, symbol, (number,), {"payload": told})
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
