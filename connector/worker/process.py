"""What every worker is as a process: its parts run together, one end ends all, SIGTERM drains."""

import asyncio
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connector.codec.native.loader import PYTHON, CodecChoice
from connector.errors import Fatal
from connector.kafka.producer import Producer
from connector.telemetry import events
from connector.telemetry.event_loop import EventLoopLag
from connector.telemetry.ledger import Ledger

POLL_INTERVAL_S = 0.005  # between two looks at librdkafka's reports and what waits
DRAIN_TIMEOUT_S = 20.0  # Kubernetes grants 30 s by default
RETIRED = "a later writer has taken over; this one writes no more: stop it"


class RunningPart(Protocol):
    """A part of a worker that runs until it is cancelled."""

    async def run(self) -> None:
        """Run until cancelled."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended.

    Attributes:
        left: Records and dead letters that could not be stored, and frames still queued.
        hurried: A second signal ended it: nothing is waited for any more.
    """

    left: int
    hurried: bool


class WorkerProcess(ABC):
    """A worker, from start to drained.

    Args:
        producer: Where its records go.
        ledger: Counts them.

    Attributes:
        codec: Which code transcodes frames of market data.
        stopping: Set it to end the run, as SIGTERM does.
        started_at: Epoch seconds of the start.
    """

    def __init__(self, producer: Producer, ledger: Ledger) -> None:
        self.stopping = asyncio.Event()
        self.producer, self.ledger = producer, ledger
        self.codec: CodecChoice = PYTHON
        self.event_loop, self.started_at = EventLoopLag(), time.time()
        self._crash: Fatal | None = None
        self._early: list[asyncio.Task[None]] = []  # parts that run before it is the writer

    @property
    @abstractmethod
    def _waiting(self) -> int:
        """Frames that are queued for the producer."""

    @property
    @abstractmethod
    def _must_serve(self) -> bool:
        """Whether something waits that `_serve` can publish at the end of a run."""

    @abstractmethod
    def _serve(self) -> None:
        """Serve librdkafka's reports and publish what is queued."""

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do the work; False if the worker was stopped before it was done."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self.stopping.wait())
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False

    def _start_early(self, *parts: RunningPart) -> None:
        """Run parts from now on, before the worker is the writer; `_run_parts` takes them over."""
        self._early += [asyncio.create_task(part.run(), name=type(part).__name__) for part in parts]

    async def _beside_early(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work. Raises what it raises, and Fatal: an early part has ended."""
        task = asyncio.create_task(work)
        try:
            await asyncio.wait((task, *self._early), return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
            await asyncio.wait((task,))
        for early in self._early:
            if early.done():
                ended = early.exception() or RuntimeError("it ended")
                raise self._crash_of(early.get_name(), ended)
        task.result()

    @staticmethod
    def _crash_of(name: str, error: BaseException) -> Fatal:
        events.task_failed(name, error)
        return Fatal(f"a bug ended {name} ({error!r}); the log has more")

    async def _end_early(self) -> None:
        """End the early parts of a worker that has not become the writer."""
        for task in self._early:
            task.cancel()
        await asyncio.gather(*self._early, return_exceptions=True)

    async def _run_parts(
        self, parts: Sequence[RunningPart], on_end: Callable[[], None] = lambda: None
    ) -> None:
        """Run the parts until the worker is stopped, fenced, or one of them ends.

        `on_end` is called before they are cancelled.
        """
        running = (*parts, self.event_loop)
        new = [asyncio.create_task(part.run(), name=type(part).__name__) for part in running]
        tasks = [*self._early, *new]
        while not (
            self.stopping.is_set() or self._cannot_write or any(task.done() for task in tasks)
        ):
            self._serve()
            await asyncio.sleep(POLL_INTERVAL_S)
        on_end()
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for task, error in zip(tasks, ends, strict=True):
            if isinstance(error, Exception):  # nothing goes on with half its parts
                self._crash = self._crash_of(task.get_name(), error)
        if self.producer.fenced and self._stays_when_fenced:
            await self.stopping.wait()  # a newer writer writes: live, not ready, until SIGTERM

    async def _drain(self, began: float) -> int:
        """Publish what is queued and flush, within the deadline; nothing is read any more."""
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while self._must_serve and time.monotonic() < deadline and not self._ends_now:
            self._serve()
            await asyncio.sleep(POLL_INTERVAL_S)
        self._say_farewell()
        await asyncio.to_thread(self.producer.flush, deadline)
        records, frames = self.ledger.records, self.ledger.frames
        left = records.in_flight + self._waiting
        left = 0 if self.producer.fenced else left  # the writer that took over reads the same
        left += records.not_stored + self.ledger.checkpoints_lost
        events.stopped(
            left=left,
            seconds=time.monotonic() - began,
            frames=frames.received,
            acknowledged=records.acknowledged,
            dead_lettered=records.dead_lettered,
            failed=records.failed,
            lost=records.lost,
            withheld=records.withheld,
            dropped=frames.dropped,
        )
        fatal = self.producer.fatal or self._crash
        if fatal is not None:
            raise fatal
        return left

    def _say_farewell(self) -> None:  # noqa: B027 - most have nobody to tell
        """Have the last transaction say that it is the last one."""

    @property
    def _stays_when_fenced(self) -> bool:
        """Whether it waits for SIGTERM when a later writer has taken over."""
        return True

    @property
    def _cannot_write(self) -> bool:
        return self.producer.fatal is not None or self.producer.fenced

    @property
    def _ends_now(self) -> bool:
        return self._cannot_write or self.producer.hurried

    def stop(self) -> None:
        """End the run: store what was read. Called again: end at once, and say what is left."""
        if self.stopping.is_set():
            events.stop_hurried()
            self.producer.hurry()
        else:
            events.stopping(timeout_s=DRAIN_TIMEOUT_S)
            self.stopping.set()

    def _on_signals(self, handlers: dict[signal.Signals, Callable[[], None]]) -> None:
        """Stop on SIGTERM and SIGINT; `handlers`: of other signals."""
        loop = asyncio.get_running_loop()
        own = {signal.SIGTERM: self.stop, signal.SIGINT: self.stop}
        for number, handler in {**own, **handlers}.items():
            try:
                loop.add_signal_handler(number, handler)
            except (NotImplementedError, RuntimeError, ValueError):  # not the main thread
                return
