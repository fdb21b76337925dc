"""Reads the streams beside the present writer until this process is to become the writer.

continuity/candidacy.py decides when; kafka/writer_watch.py follows the writer; what is read waits
in the frame queue, and what the writer has stored leaves it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from connector.continuity.candidacy import (
    MAX_HANDOVER_WAIT_S,
    OVERLAP_S,
    Appended,
    Candidate,
    NextStep,
    Step,
)
from connector.errors import Retry
from connector.telemetry import events

ResultT = TypeVar("ResultT")
LOOK_INTERVAL_S = 0.25  # between two looks at the checkpoint topic


class _FollowedWriter(Protocol):
    """What the writer of a shard appends: kafka/writer_watch.py. Blocks, raises Retry."""

    def begin(self) -> float | None: ...
    def look(self) -> list[Appended]: ...
    def claim(self) -> None: ...
    def close(self) -> None: ...


class _HeldFrames(Protocol):
    """What is read and not published: feed/pipeline.py."""

    @property
    def end_position(self) -> int: ...
    def supersede(self, position: int, most_bytes: int) -> int: ...


class Succession:
    """Waits beside the writer until this process is to become the writer.

    Args:
        candidate: Decides; its clock is `now`.
        watch: Follows the writer.
        frames: What is read meanwhile.
        flowing: Whether all streams deliver here.
        most_bytes: Of the frames that are kept; beyond it the oldest are let go.
        now: Monotonic seconds.

    Attributes:
        next_step: What is done now, and why.
        trouble: Why Kafka does not answer; None: it does.
        waiting: Whether another process is the writer.
    """

    def __init__(
        self,
        candidate: Candidate,
        watch: _FollowedWriter,
        frames: _HeldFrames,
        flowing: Callable[[], bool],
        most_bytes: int,
        now: Callable[[], float],
    ) -> None:
        self._candidate, self._watch, self._frames = candidate, watch, frames
        self._flowing, self._most_bytes, self._now = flowing, most_bytes, now
        self.next_step = NextStep(Step.WAIT, "Kafka was not asked yet")
        self.trouble: str | None = "Kafka was not asked yet"
        self._began_at = now()
        self.waiting = True
        # When was read what stands at a position of the queue: at each look, the oldest first.
        self._marks: deque[tuple[float, int]] = deque()
        # The newest of them before which the writer has stored all; None: not known of any.
        self._stored: tuple[float, int] | None = None
        self._oldest = 0  # position of the oldest entry that is kept
        self._began = False
        self._call: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._call.set_result(None)

    async def run(self) -> None:
        """Return once this process is to become the writer."""
        keeping = asyncio.create_task(self._keep_frames())
        try:
            while self.next_step.step is not Step.TAKE_OVER:
                await self._look()
                self._decide()
                if self.next_step.step is Step.CLAIM:
                    await self._claim()
                elif self.next_step.step is Step.WAIT:
                    await asyncio.sleep(LOOK_INTERVAL_S)
        finally:
            keeping.cancel()
            self.waiting = False
            # One call at a time is made of the watch.
            await asyncio.gather(self._call, return_exceptions=True)
            await asyncio.to_thread(self._watch.close)
        self._supersede()
        events.taking_over(self.next_step.why)

    def _decide(self) -> None:
        before = self.next_step
        self.next_step = self._candidate.next_step(self._now(), flowing=self._flowing())
        if self.next_step != before:
            events.succession_step(self.next_step.step.value, self.next_step.why)

    async def _look(self) -> None:
        try:
            if self._began:
                appended = await self._ask(self._watch.look)
                self._candidate.kafka_answered(self._now(), appended)
            else:
                age_s = await self._ask(self._watch.begin)
                self._candidate.found(self._now(), age_s)
                self._began = True
        except Retry as error:
            self.trouble = str(error)
        else:
            self.trouble = None

    async def _claim(self) -> None:
        self._candidate.claimed(self._now())
        try:
            await self._ask(self._watch.claim)
        except Retry as error:
            self.trouble = str(error)

    async def _ask(self, call: Callable[[], ResultT]) -> ResultT:
        """Return what a call of the watch returns, made in a thread."""
        self._call = call_made = asyncio.ensure_future(asyncio.to_thread(call))
        return await asyncio.shield(call_made)

    async def _keep_frames(self) -> None:
        """Keep the newest frames alone, whether or not Kafka answers."""
        while True:
            self._supersede()
            await asyncio.sleep(LOOK_INTERVAL_S)

    def _supersede(self) -> None:
        """Let go of what the writer has stored, and of the oldest frames beyond the bound."""
        self._marks.append((self._now(), self._frames.end_position))
        stored_until = self._candidate.stored_until
        if stored_until is not None:
            while self._marks and self._marks[0][0] <= stored_until - OVERLAP_S:
                self._stored = self._marks.popleft()
        position = 0 if self._stored is None else self._stored[1]
        self._oldest = self._frames.supersede(position, self._most_bytes)

    @property
    def has_waited_long(self) -> bool:
        """Whether it has waited for so long that the writer should have shown what it stores."""
        return self._now() - self._began_at >= MAX_HANDOVER_WAIT_S

    @property
    def unbroken_since(self) -> float | None:
        """Since when all is kept that the writer has not stored; None: that is not known.

        Monotonic seconds.
        """
        if self._stored is None or self._oldest > self._stored[1]:
            return None
        return self._stored[0]
