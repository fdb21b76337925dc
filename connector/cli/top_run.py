"""Runs `bkc top`: asks the workers, draws, and reads keys."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.live import Live

from connector.cli.top_view import SORTS, WorkerAnswer, view
from connector.diagnostics.status_client import fetch_status
from connector.errors import Refused, Retry

QUIT_KEYS = ("q", "\x1b")
NO_ANSWER = 3  # the exit code where a server cannot be reached


def run(urls: Sequence[str], interval_s: float, *, once: bool) -> int:
    """Show the workers until q or Ctrl-C; return the exit code."""
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_once(urls) if once else _watch(urls, interval_s))
    return 0


async def _once(urls: Sequence[str]) -> int:
    answers = await _ask(urls)
    Console().print(view(answers, "name"))
    return 0 if any(isinstance(answer, dict) for answer in answers.values()) else NO_ANSWER


async def _watch(urls: Sequence[str], interval_s: float) -> int:
    """Draw a picture at each interval, and at once after a key."""
    keys: asyncio.Queue[str] = asyncio.Queue()
    sort, answers = "name", await _ask(urls)
    with _keys_into(keys), Live(view(answers, sort), screen=True, auto_refresh=False) as live:
        while True:
            live.update(view(answers, sort), refresh=True)
            try:
                key = await asyncio.wait_for(keys.get(), interval_s)
            except TimeoutError:
                answers = await _ask(urls)
                continue
            if key in QUIT_KEYS:
                return 0
            sort = SORTS.get(key, sort)


async def _ask(urls: Sequence[str]) -> dict[str, WorkerAnswer]:
    """Return what each worker shows, or why it does not answer."""
    return dict(zip(urls, await asyncio.gather(*map(_status, urls)), strict=True))


async def _status(url: str) -> dict[str, Any] | str:
    try:
        return (
            await fetch_status(url if "://" in url else f"http://{url}")
            or "the answer is no status of a worker"
        )
    except (Refused, Retry) as error:
        return str(error)


@contextlib.contextmanager
def _keys_into(keys: "asyncio.Queue[str]") -> Iterator[None]:
    """Put each key that is pressed into a queue, where the standard input is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    loop, before = asyncio.get_running_loop(), termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    loop.add_reader(sys.stdin, lambda: keys.put_nowait(sys.stdin.read(1)))
    try:
        yield
    finally:
        loop.remove_reader(sys.stdin)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
