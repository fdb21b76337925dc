"""Notices what says nothing any more: one stream of a connection, or the connection as a whole.

A silence is a suspicion, never a verdict. A stream is read a second time elsewhere
(feed/liveness/probe.py); a connection is replaced only when a new one brings data while it does
not. feed/liveness/activity.py and feed/liveness/staleness.py decide; feed/liveness/first_data.py
watches over the first data of what was just subscribed.
"""

import asyncio
import functools
from collections.abc import Callable, Sequence

from connector.continuity.marker import GapReason
from connector.feed.context import SessionContext
from connector.feed.liveness.activity import ActivityMonitor, ListeningClock, StreamActivity
from connector.feed.liveness.probe import ProbeConnection, ProbeHooks
from connector.feed.liveness.staleness import CONFIRM_S, Action, StalenessCheck
from connector.feed.pipeline import Route, Routes
from connector.feed.session import Session
from connector.planning.model import ConnectionPlan
from connector.telemetry import events

POLL_INTERVAL_S = 0.25  # between two looks at the counters
WHOLE_S = 10.0  # how long a new connection may take to prove that the old one is stale
RETRY_DELAY_S = 60.0  # after a bug
ASKED = 3  # streams of a quiet connection that REST is asked about
MOST = 0.5  # of the usual traffic: when more is stale, the connection is replaced


class LivenessMonitor:
    """Listens to the streams of one bundle, across its connections.

    Args:
        around: What the supervisors share.
        routes: The bundle's.
        bundle: The streams wanted now.
        misaligned: Called when not all that is wanted may be held.

    Attributes:
        suspected: Streams suspected so far; of these:
        refuted: spoke by themselves,
        confirmed: were stale,
        quiet: were silent everywhere.
    """

    def __init__(
        self,
        around: SessionContext,
        routes: Routes,
        bundle: Callable[[], ConnectionPlan],
        misaligned: Callable[[], None],
    ) -> None:
        self.suspected = self.refuted = self.confirmed = self.quiet = 0
        self._context, self._routes, self._bundle = around, routes, bundle
        self._loop = asyncio.get_running_loop()
        self._listener = ActivityMonitor()
        self._clock, self._awake = (
            ListeningClock(),
            ListeningClock(),
        )  # the first stands still while frames wait
        hands = ProbeHooks(bundle, lambda: self._clock.now, self._settled, misaligned)
        self._probe = ProbeConnection(around, routes, hands)
        self._leg: Session | None = None
        self._tuned: object = None
        self._keys: list[bytes] = []
        self._special: list[tuple[int, bytes, bool]] = []  # place, key, whether it is read twice
        self._stale: set[str] = set()
        self._proved = False  # streams have proved that the connection is stale
        self._frames = 0  # of the connection when it was suspected

    async def watch(self, leg: Session) -> None:
        """Listen to a connection; return when it should be replaced."""
        if leg is not self._leg:
            self._leg = leg
            self._listener.restart(self._clock.now, self._awake.now)
            self._probe.follow(leg)
            self._stale.clear()
            self._proved = False
        while not self._proved:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                if self._look(leg):
                    return
            except Exception as error:  # noqa: BLE001 - a bug here must not end a good connection
                events.liveness_monitor_failed(connection=self._bundle().name, error=error)
                await asyncio.sleep(RETRY_DELAY_S)

    def end(self, reason: GapReason) -> None:
        """The connection is gone, and nobody follows at once."""
        self._probe.end(reason)
        self._leg = None

    def _look(self, leg: Session) -> bool:
        """Look once at all counters; say whether the whole connection is in doubt."""
        time = self._loop.time()
        now = self._clock.tick(time, deaf=self._context.pipeline.queued)
        self._tune(leg, now)
        found = self._listener.check(self._counts(leg.connection.id), now)
        if found:
            self._doubt(leg, found, now)
        if not self._listener.check_connection(leg.connection.frames, self._awake.tick(time)):
            return False
        self._frames = leg.connection.frames
        self._suspect(list(leg.held), self._awake.now - self._listener.whole.at)
        return True

    def _tune(self, leg: Session, now: float) -> None:
        """Listen to exactly what is subscribed."""
        bundle = self._bundle()
        state = leg, leg.touched, bundle
        if state == self._tuned:
            return
        self._tuned = state
        self._listener.subscribed([one.stream for one in bundle.streams], leg.held, now)
        self._keys = [voice.name.encode() for voice in self._listener.streams]
        special = {
            one.stream.name.encode(): one.connections > 1
            for one in bundle.streams
            if one.connections > 1 or one.other_product_topic is not None
        }
        self._special = [
            (place, key, special[key]) for place, key in enumerate(self._keys) if key in special
        ]

    def _counts(self, leg: int) -> list[int]:
        """Return the counter of every voice.

        What a merged stream brings for the other product counts too; of a stream that is read
        twice only what this connection brings.
        """
        routes, delivered = self._routes, self._context.pipeline.arbitration.delivered
        counts = [routes[key].messages for key in self._keys]
        for place, key, doubled in self._special:
            way = routes[key]
            if doubled:
                counts[place] = delivered(way, leg)
            elif way.other_product is not None:
                counts[place] += way.other_product.messages
        return counts

    # Streams

    def _doubt(self, leg: Session, voices: Sequence[StreamActivity], now: float) -> None:
        """Have some streams read a second time, within the budget for doubts."""
        if not self._probe.busy and not self._context.try_acquire_probe(self._bundle()):
            for voice in voices:
                voice.cleared(now)
            return
        silence = max(now - voice.at for voice in voices)
        self._suspect([voice.name for voice in voices], silence)
        self._probe.take(leg, {voice.name: StalenessCheck(voice.patience) for voice in voices})

    def _suspect(self, names: list[str], silence: float) -> None:
        self.suspected += len(names)
        events.stale_suspected(connection=self._bundle().name, streams=names, silence_s=silence)
        suspect = self._context.pipeline.arbitration.suspect
        self._later(functools.partial(suspect, self._ways(names)))

    def _settled(self, step: Action | None, names: list[str]) -> None:
        """Take note of what was found out about some streams."""
        if not names:
            return
        voices, now = self._listener.named(names), self._clock.now
        if step is Action.REPLACE:
            self._proved = True
        elif step is Action.MOVE:
            self._confirmed(names)
        else:
            self._over(step, names, voices, now)

    def _confirmed(self, names: list[str]) -> None:
        new = [name for name in names if name not in self._stale]
        if new:
            self._stale.update(new)
            self.confirmed += len(new)
            events.stale_confirmed(connection=self._bundle().name, streams=new)
        self._proved = self._listener.share(self._listener.named(self._stale)) > MOST

    def _over(
        self, step: Action | None, names: list[str], voices: list[StreamActivity], now: float
    ) -> None:
        name = self._bundle().name
        self._stale.difference_update(names)
        self._later(
            functools.partial(self._context.pipeline.arbitration.clear_suspicion, self._ways(names))
        )
        if step is Action.HEALTHY:
            self.refuted += len(names)
            events.stale_refuted(connection=name, streams=names)
            for voice in voices:
                voice.healthy(now)
        elif step is Action.QUIET:
            self._nobody_heard(voices, now)
        else:
            if step is Action.HEALED:
                events.stale_healed(connection=name, streams=names)
            for voice in voices:
                voice.cleared(now)

    def _nobody_heard(self, voices: list[StreamActivity], now: float) -> None:
        quiet = [voice for voice in voices if voice.unconfirmed(now)]
        if not quiet:
            return
        self.quiet += len(quiet)
        events.stream_quiet(self._bundle().name, [voice.name for voice in quiet])
        for voice in quiet:
            self._watch(voice, functools.partial(self._doubt_again, voice))

    def _doubt_again(self, voice: StreamActivity) -> None:
        """REST says that a quiet stream goes on: doubt it again, as if it had just spoken."""
        voice.cleared(self._clock.now)

    def _watch(self, voice: StreamActivity, tell: Callable[[], None]) -> None:
        for way in self._ways([voice.name]):
            for series in way.all_series():
                self._context.watch(series, tell)

    # The connection

    async def confirms(self, old: Session, new: Session) -> bool:
        """Say whether a new connection proves the old one stale; wait until that is known."""
        if not self._proved:
            names = list(old.held)
            if not await self._is_stale(old, new):
                self._later(
                    functools.partial(
                        self._context.pipeline.arbitration.clear_suspicion, self._ways(names)
                    )
                )
                return False
            self.confirmed += len(names)
            events.stale_confirmed(connection=self._bundle().name, streams=names)
            ways, now_ms = self._ways(names), self._context.now_ms()
            self._later(functools.partial(self._mark, ways, old.connection.id, now_ms))
        return True

    async def _is_stale(self, old: Session, new: Session) -> bool:
        whole, names = self._listener.whole, list(old.held)
        give_up = self._loop.time() + WHOLE_S
        while not new.connection.closed.done():
            if old.connection.closed.done():
                return True
            if old.connection.frames != self._frames:
                self.refuted += len(names)
                events.stale_refuted(connection=self._bundle().name, streams=names)
                whole.healthy(self._awake.tick(self._loop.time()))
                return False
            began = new.connection.first_data
            if began is not None and self._loop.time() - began >= CONFIRM_S:
                return True
            if self._loop.time() >= give_up:
                break
            await asyncio.sleep(POLL_INTERVAL_S / 5)
        if whole.unconfirmed(self._awake.tick(self._loop.time())):
            self.quiet += len(names)
            events.stream_quiet(connection=self._bundle().name, streams=names)
            for voice in self._listener.busiest(ASKED):
                self._watch(voice, self._doubt_whole_again)
        return False

    def _doubt_whole_again(self) -> None:
        self._listener.whole.cleared(self._awake.now)

    def _mark(self, ways: list[Route], leg: int, now_ms: int) -> None:
        """Mark what may be missing of streams whose ids tell nothing and that said nothing yet."""
        pipeline = self._context.pipeline
        series = pipeline.arbitration.unexplained(ways, leg)
        pipeline.continuity.suspect(series, "stale")
        pipeline.continuity.confirm(series, now_ms)
        for one in series:
            one.suspects = ()

    def _ways(self, names: Sequence[str]) -> list[Route]:
        found = (self._routes.get(name.encode()) for name in names)
        return [way for way in found if way is not None]

    def _later(self, note: Callable[[], None]) -> None:
        self._context.pipeline.run_in_order(note)
