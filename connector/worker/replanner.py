"""When the plan is made again, and what happens then: the config file changed, a signal came, the
exchange lists something new, or it is time to ask. What goes wrong leaves the old plan running.

Next along the way: config/plan.py (file and listings into a plan), feed/shard.py (which applies
it).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from connector.binance.exchange_info import Universe
from connector.binance.products import Product
from connector.config.load import Loaded, load
from connector.config.model import Settings
from connector.config.plan import plan_of
from connector.config.reload import content_hash, reloadable_part
from connector.errors import Refused, Retry
from connector.planning.diff import PlanDiff, difference
from connector.planning.listing_check import unchecked, unlisted_names
from connector.planning.model import Plan
from connector.planning.plan import needs
from connector.telemetry import events
from connector.worker.replan_triggers import ABOUT_FILE, ReplanTriggers, Trigger, now

RETRY_DELAY_S = 15.0  # after a change that could not be carried out for passing reasons
PREPARE_S = 90.0  # for topics and schemas of a change, while the old plan runs
LONGEST_WAIT_S = 60.0
NAMES_RETRY_S = 60.0
NAMES_S = 3600.0  # names that are not listed are looked up again, and warned of again, so often
# During maintenance everything is listed as halted: who leaves then misses the first minutes after.
MASS_END_S, MASS = 3600.0, 10

ReplanOutcome = Literal["applied", "unchanged", "refused", "failed"]
OUTCOMES: tuple[ReplanOutcome, ...] = ("applied", "unchanged", "refused", "failed")


class Exchange(Protocol):
    """Who knows what is listed: rest."""

    async def universe(
        self, products: Collection[Product], with_volumes: Collection[Product]
    ) -> Universe:
        """Ask for listings and volumes; raises Retry and Refused."""
        ...


@dataclass(slots=True)
class Hands:
    """What a change needs others for.

    Attributes:
        exchange: Asked what is listed.
        prepare: Sees to the topics and schemas of a plan; returns topic -> schema id.
        apply: Has the plan carried out.
        news: Returns a number that moves when the exchange announces a listing.
        listed: Told of symbols that were not listed when last asked, before they are subscribed.
    """

    exchange: Exchange
    prepare: Callable[[Plan], Awaitable[Mapping[str, int]]]
    apply: Callable[[Plan, Mapping[str, int]], None]
    news: Callable[[], int]
    listed: Callable[[Collection[tuple[Product, str]]], None]


@dataclass(slots=True)
class Replanner:
    """Makes the first plan and every later one.

    Attributes:
        loaded: The config that runs: of a file read later, what can change live.
        hands: Those who do the work.
        plan: The plan that runs; before the start, what the file alone says.
        hash: Hash of the file's content that runs.
        changes: Attempts at a change by outcome.
        restart_needed: Keys of the file that a restart would change.
        complete: Nothing of the plan waits for the exchange's listings.
        triggers: Why to plan again.
    """

    loaded: Loaded
    hands: Hands
    plan: Plan
    hash: str = field(init=False)
    changes: Counter[str] = field(default_factory=Counter)
    restart_needed: tuple[str, ...] = ()
    complete: bool = False
    triggers: ReplanTriggers = field(init=False)
    _universe: Universe | None = None
    _emptying_since: float | None = None
    _warned: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.triggers = ReplanTriggers.of(Path(self.loaded.places.file), self.hands.news)
        self.hash = self.triggers.watch.known

    # The start

    async def start(self) -> None:
        """Make the first plan and have it carried out; waits for an exchange that is away.

        Raises:
            Refused: the file cannot be carried out.
            Retry: Kafka does not answer.
        """
        universe = await self._first_universe()
        self.complete = True
        plan = await asyncio.to_thread(plan_of, self.loaded, universe)
        ids = await self.hands.prepare(plan)
        self.hands.apply(plan, ids)
        self._universe = universe
        self._commit_plan(self.loaded, plan, self.hash)
        self.triggers.later("names", 0.0)
        self._schedule_refresh()

    async def _first_universe(self) -> Universe | None:
        wait = 1.0
        while True:
            try:
                return await self._ask(self.loaded.settings)
            except Retry as error:
                wait = max(wait, error.after_s or 0.0)
                events.waiting_for_exchange_info(cause=str(error), retry_s=wait)
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT_S, 2 * wait)

    async def _ask(self, settings: Settings) -> Universe | None:
        """Ask what the subscriptions need to know; None when they need nothing."""
        needed = needs(settings.subscriptions)
        if not needed.listings:
            return None
        self.triggers.asked()
        return await self.hands.exchange.universe(needed.listings, needed.volumes)

    # Later

    async def run(self) -> None:
        """Change the plan whenever there is a reason, until cancelled."""
        while True:
            for reason in await self.triggers.due():
                await (self._look_up() if reason == "names" else self._change(reason))

    async def _look_up(self) -> None:
        """Warn of names that are not listed; what the exchange does not tell now is asked later."""
        found: list[str] = []
        try:
            found = await self._unlisted()
        except Retry as error:
            self.triggers.later("names", max(NAMES_RETRY_S, error.after_s or 0.0))
        except Refused:  # an exchange that will not tell is no reason to warn of anything
            self.triggers.later("names", NAMES_S)
        except Exception as error:  # noqa: BLE001 - a hint is not worth what runs
            events.replanning_failed(reason="names", error=error)
        for sentence in found:
            events.plan_warning(text=sentence)
        if found:
            self.triggers.later("names", NAMES_S)

    async def _unlisted(self) -> list[str]:
        subscriptions = self.loaded.settings.subscriptions
        products = unchecked(subscriptions)
        if not products:
            return []
        universe = await self.hands.exchange.universe(products, ())
        return self.loaded.sentences(
            await asyncio.to_thread(unlisted_names, subscriptions, universe)
        )

    async def _change(self, reason: Trigger) -> None:
        """Make the plan again; what goes wrong is said, and the old plan goes on."""
        try:
            outcome = await self._try(reason)
        except Refused as error:
            outcome = "refused"
            events.config_refused(reason=reason, cause=str(error))
        except Retry as error:
            outcome = "failed"
            self._retry_later(reason, error)
        except Exception as error:  # noqa: BLE001 - a bug here must not stop what runs
            outcome = "failed"
            events.replanning_failed(reason=reason, error=error)
        self.changes[outcome] += 1
        self._schedule_refresh()

    def _retry_later(self, reason: Trigger, error: Retry) -> None:
        wait = max(RETRY_DELAY_S, error.after_s or 0.0)
        events.plan_change_failed(reason=reason, cause=str(error), retry_s=wait)
        self.triggers.later(reason, wait)

    def _schedule_refresh(self) -> None:
        """See to it that the listings are asked again, where any subscription needs them."""
        settings = self.loaded.settings
        asks = needs(settings.subscriptions).listings
        self.triggers.refresh(settings.refresh / 1000 if asks else None)

    async def _try(self, reason: Trigger) -> ReplanOutcome:
        loaded, read = self.loaded, self.hash
        if reason in ABOUT_FILE:
            watch = self.triggers.watch
            read = watch.known = await asyncio.to_thread(content_hash, watch.path)
            loaded = self._live_part(await asyncio.to_thread(load, watch.path))
        universe = await self._listings(loaded, reason)
        plan, change = await asyncio.to_thread(_planned, loaded, universe, self.plan)
        self._check_plausible(reason, change)
        if not change.is_nothing:
            ids = await self._prepare(plan)
            self.hands.listed(_new_listings(self._universe, universe))
            self.hands.apply(plan, ids)
        if read != self.hash or not change.is_nothing:
            _say(reason, read, change, plan)
        if loaded.settings.refresh != self.loaded.settings.refresh:
            self.triggers.refresh(None)
        self._universe = universe
        self._commit_plan(loaded, plan, read)
        if reason in ABOUT_FILE:
            self.triggers.later("names", 0.0)
        return "unchanged" if change.is_nothing else "applied"

    async def _prepare(self, plan: Plan) -> Mapping[str, int]:
        try:
            async with asyncio.timeout(PREPARE_S):
                return await self.hands.prepare(plan)
        except TimeoutError as error:
            text = f"topics and schemas of the new plan were not settled within {PREPARE_S:.0f} s"
            raise Retry(text) from error

    async def _listings(self, loaded: Loaded, reason: Trigger) -> Universe | None:
        """Ask what is listed; a changed file makes do with the last answer where there is none."""
        try:
            return await self._ask(loaded.settings)
        except Retry as error:
            needed, last = needs(loaded.settings.subscriptions), self._universe
            covered = last is not None and (
                needed.listings <= last.listings.keys() and needed.volumes <= last.volumes.keys()
            )
            if reason not in ABOUT_FILE or not covered:
                raise
            self._retry_later("refresh", error)
            return last

    def _check_plausible(self, reason: Trigger, change: PlanDiff) -> None:
        """Wait before ending most of what runs only because the exchange lists it no more.

        Raises:
            Retry: not yet.
        """
        ending, running = len(change.removed), len(self.plan.streams)
        if reason in ABOUT_FILE or 2 * ending <= running or running < MASS:
            self._emptying_since = None
            return
        self._emptying_since = self._emptying_since or now()
        if now() - self._emptying_since < MASS_END_S:
            raise Retry(
                f"{ending} of {running} streams are no longer listed for trading: kept until the"
                f" exchange has said so for {MASS_END_S / 60:.0f} minutes"
            )

    def _commit_plan(self, loaded: Loaded, plan: Plan, read: str) -> None:
        """Note what runs now, and say what a user should know of it, once."""
        self.loaded, self.plan, self.hash = loaded, plan, read
        warnings = loaded.sentences(plan.warnings)
        for sentence in warnings:
            if sentence not in self._warned:
                events.plan_warning(text=sentence)
        self._warned = set(warnings)

    def _live_part(self, read: Loaded) -> Loaded:
        """Return a file as far as it can be carried out now; say what needs a restart."""
        settings, keys = reloadable_part(self.loaded.settings, read.settings)
        if keys and keys != self.restart_needed:
            events.restart_needed(keys=list(keys))
        self.restart_needed = keys
        return replace(read, settings=settings)


def _planned(loaded: Loaded, universe: Universe | None, before: Plan) -> tuple[Plan, PlanDiff]:
    """Make the next plan and compare it; off the event loop, since it may take a second."""
    plan = plan_of(loaded, universe, before)
    return plan, difference(before, plan)


def _say(reason: Trigger, read: str, change: PlanDiff, plan: Plan) -> None:
    events.plan_changed(
        reason=reason,
        config=read,
        added=len(change.added),
        removed=len(change.removed),
        moved=len(change.moved),
        rerouted=len(change.rerouted),
        connections=len(plan.connections),
    )


def _new_listings(before: Universe | None, now: Universe | None) -> set[tuple[Product, str]]:
    """Return what is listed now and was not when last asked, of products asked both times."""
    if before is None or now is None:
        return set()
    new: set[tuple[Product, str]] = set()
    for product, listings in now.listings.items():
        known = {one.symbol for one in before.listings.get(product, ())}
        if known:
            new |= {(product, one.symbol) for one in listings if one.symbol not in known}
    return new
