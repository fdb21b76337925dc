"""Makes the first plan and every later one: from the config file and what the exchange lists.

A later plan is made when a trigger is due, and applied by its differences. Whatever fails before
leaves the running plan as it is.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Literal, get_args

from connector.binance.exchange_info import Universe
from connector.binance.products import Product
from connector.config.load import Loaded, load
from connector.config.plan import plan_of
from connector.config.reload import reloadable_part
from connector.errors import Fatal, Refused, Retry
from connector.planning.diff import PlanDiff, difference
from connector.planning.model import Plan
from connector.planning.plan import needs
from connector.telemetry import events
from connector.worker.listings import (
    ListingSource,
    NameCheck,
    keep_unreadable,
    new_listings,
)
from connector.worker.replan_triggers import ABOUT_FILE, ReplanTriggers, Trigger, now

RETRY_DELAY_S = 15.0  # after a change that failed and may succeed later
PROVISION_TIMEOUT_S = 90.0  # for topics and schemas of a change, while the running plan goes on
# A list of symbols may be cut short. A plan that loses more than half of at least MASS_END_STREAMS
# streams, and only because of the listings, waits for MASS_END_DELAY_S.
MASS_END_STREAMS, MASS_END_DELAY_S = 10, 3600.0

ReplanOutcome = Literal["applied", "unchanged", "refused", "failed"]
OUTCOMES: tuple[ReplanOutcome, ...] = get_args(ReplanOutcome)
SchemaIds = Mapping[str, int]  # by topic


class Replanner:
    """Makes the first plan, and changes it while the worker runs.

    Args:
        loaded: The config file.
        plan: What it means without asking the exchange.
        triggers: When to plan again.
        universe: Asks the exchange what it lists.
        provision: Creates the topics and schemas of a plan; raises Retry and Refused.
        apply: Reads the streams of a plan from now on.
        add_listings: Opens the gaps before the first events of symbols that are newly listed.

    Attributes:
        loaded: The config that runs: of a file read later, what can change live.
        plan: The plan that runs; before the start, what the file alone says.
        changes: Attempts at a change, by outcome.
        restart_needed: Keys of the file that count only from the next start on.
    """

    def __init__(
        self,
        loaded: Loaded,
        plan: Plan,
        triggers: ReplanTriggers,
        universe: ListingSource,
        provision: Callable[[Plan], Awaitable[SchemaIds]],
        apply: Callable[[Plan, SchemaIds], None],
        add_listings: Callable[[Collection[tuple[Product, str]]], None],
    ) -> None:
        self.loaded, self.plan, self.triggers = loaded, plan, triggers
        self._ask_universe, self._create = universe, provision
        self._apply, self._add_listings = apply, add_listings
        self._names = NameCheck(universe, triggers)
        self.changes: Counter[str] = Counter()
        self.restart_needed: tuple[str, ...] = ()
        self._universe: Universe | None = None  # the last answer; None: nothing was asked
        self._mass_end_since: float | None = None
        self._warned: set[str] = set()
        self._odd: set[str] = set()  # rows of the last answers that could not be read

    async def first_plan(self) -> Plan:
        """Return the plan to begin with, or raise Retry if the exchange does not answer.

        Raises:
            Refused: the file cannot be carried out.
        """
        self._universe = await self._ask(self.loaded)
        return await asyncio.to_thread(plan_of, self.loaded, self._universe)

    def begin(self, plan: Plan) -> None:
        """Take the first plan, which has been applied, for the one that runs."""
        self._commit_plan(self.loaded, plan)
        self.triggers.later("names", 0.0)
        self._schedule_refresh()

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            for trigger in await self.triggers.due():
                if trigger == "names":
                    await self._names.run(self.loaded)
                else:
                    await self._change(trigger)

    async def _change(self, trigger: Trigger) -> None:
        """Make the plan again, and count how it ended."""
        try:
            outcome = await self._replan(trigger)
        except (Refused, Fatal) as error:  # Fatal: rights on a new topic are missing
            outcome = "refused"
            events.config_refused(reason=trigger, cause=str(error))
        except Retry as error:
            outcome = "failed"
            self._retry_later(trigger, error)
        except Exception as error:  # noqa: BLE001 - a bug here must not stop what runs
            outcome = "failed"
            events.replanning_failed(reason=trigger, error=error)
        self.changes[outcome] += 1
        self._schedule_refresh()

    async def _replan(self, trigger: Trigger) -> ReplanOutcome:
        """Read, plan, provision, apply; nothing has changed if it raises Refused or Retry."""
        loaded = await self._read_file() if trigger in ABOUT_FILE else self.loaded
        universe = await self._listings(loaded, trigger)
        plan, change = await asyncio.to_thread(_plan_and_diff, loaded, universe, self.plan)
        self._check_plausible(trigger, change)
        if not change.is_nothing:
            ids = await self._provision(plan)
            self._add_listings(new_listings(self._universe, universe))
            self._apply(plan, ids)
        if loaded.hash != self.loaded.hash or not change.is_nothing:
            _log_change(trigger, loaded, change, plan)
        if loaded.settings.refresh != self.loaded.settings.refresh:
            self.triggers.refresh(None)
        self._universe = universe
        self._commit_plan(loaded, plan)
        if trigger in ABOUT_FILE:
            self.triggers.later("names", 0.0)
        return "unchanged" if change.is_nothing else "applied"

    async def _read_file(self) -> Loaded:
        """Return the file as far as it can be carried out now; log what needs a restart."""
        watch = self.triggers.watch
        read = await asyncio.to_thread(load, watch.path, watch.take())
        settings, keys = reloadable_part(self.loaded.settings, read.settings)
        if keys and keys != self.restart_needed:
            events.restart_needed(keys=list(keys))
        self.restart_needed = keys
        return replace(read, settings=settings)

    async def _listings(self, loaded: Loaded, trigger: Trigger) -> Universe | None:
        """Ask what is listed; for a changed file the last answer will do if there is none now."""
        try:
            return await self._ask(loaded)
        except Retry as error:
            needed, last = needs(loaded.settings.subscriptions), self._universe
            covered = last is not None and (
                needed.listings <= last.listings.keys() and needed.volumes <= last.volumes.keys()
            )
            if trigger not in ABOUT_FILE or not covered:
                raise
            self._retry_later("refresh", error)
            return last

    async def _ask(self, loaded: Loaded) -> Universe | None:
        """Ask what the subscriptions need to know; None when they need nothing."""
        needed = needs(loaded.settings.subscriptions)
        if not needed.listings:
            return None
        self.triggers.asked()
        universe = await self._ask_universe(needed.listings, needed.volumes)
        odd = {str(row) for row in universe.odd}
        for text in sorted(odd - self._odd):
            events.row_left_out(text=text)
        self._odd = odd
        return keep_unreadable(self._universe, universe)

    async def _provision(self, plan: Plan) -> SchemaIds:
        try:
            async with asyncio.timeout(PROVISION_TIMEOUT_S):
                return await self._create(plan)
        except TimeoutError as error:
            raise Retry(
                "topics and schemas of the new plan were not settled within"
                f" {PROVISION_TIMEOUT_S:.0f} s"
            ) from error

    def _check_plausible(self, trigger: Trigger, change: PlanDiff) -> None:
        """Refuse for a while to end most streams only because they are no longer listed.

        Raises:
            Retry: not yet.
        """
        ending, running = len(change.removed), len(self.plan.streams)
        if trigger in ABOUT_FILE or 2 * ending <= running or running < MASS_END_STREAMS:
            self._mass_end_since = None
            return
        self._mass_end_since = self._mass_end_since or now()
        if now() - self._mass_end_since < MASS_END_DELAY_S:
            raise Retry(
                f"{ending} of {running} streams are no longer listed for trading: kept until the"
                f" exchange has said so for {MASS_END_DELAY_S / 60:.0f} minutes"
            )

    def _commit_plan(self, loaded: Loaded, plan: Plan) -> None:
        """Note what runs now, and log each new warning of the plan once."""
        self.loaded, self.plan = loaded, plan
        warnings = loaded.sentences(plan.warnings)
        for sentence in warnings:
            if sentence not in self._warned:
                events.plan_warning(text=sentence)
        self._warned = set(warnings)

    def _retry_later(self, trigger: Trigger, error: Retry) -> None:
        wait = max(RETRY_DELAY_S, error.after_s or 0.0)
        events.plan_change_failed(reason=trigger, cause=str(error), retry_s=wait)
        self.triggers.later(trigger, wait)

    def _schedule_refresh(self) -> None:
        """Have the listings asked for again, if any subscription needs them."""
        settings = self.loaded.settings
        asks = needs(settings.subscriptions).listings
        self.triggers.refresh(settings.refresh.total_seconds() if asks else None)


def _plan_and_diff(
    loaded: Loaded, universe: Universe | None, running: Plan
) -> tuple[Plan, PlanDiff]:
    """Return the next plan and its difference; runs in a thread, as it may take a second."""
    plan = plan_of(loaded, universe, running)
    return plan, difference(running, plan)


def _log_change(trigger: Trigger, loaded: Loaded, change: PlanDiff, plan: Plan) -> None:
    events.plan_changed(
        reason=trigger,
        config=loaded.hash,
        added=len(change.added),
        removed=len(change.removed),
        moved=len(change.moved),
        rerouted=len(change.rerouted),
        connections=len(plan.connections),
    )
