"""The plan that a config file means; each problem with its place in the file."""

import time
from collections import Counter
from collections.abc import Mapping

from connector.binance.catalogue.row import Row
from connector.binance.exchange_info import Universe
from connector.binance.products import ENVIRONMENTS, Bases, Product
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.sections import WorkerSettings
from connector.errors import Refused
from connector.planning.budget import LimitShares, PlanBudget, budget_of
from connector.planning.model import Plan, PlanError
from connector.planning.plan import make_plan, needs


def bases_of(settings: WorkerSettings) -> Mapping[Product, Bases]:
    """Return the hosts of each product: those of an environment of Binance, or the file's own."""
    if isinstance(settings.exchange, str):
        return ENVIRONMENTS[settings.exchange]
    production = ENVIRONMENTS["production"]
    return {
        product: Bases(
            (custom.streams,), custom.rest or production[product].rest, custom.ws_api or ""
        )
        for product, custom in settings.exchange.items()
    }


def plan_of(
    loaded: Loaded,
    universe: Universe | None = None,
    before: Plan | None = None,
    now_ms: int | None = None,
) -> Plan:
    """Resolve the subscriptions of a file.

    Args:
        loaded: The file.
        universe: What the exchange lists; None: what depends on it stays pending.
        before: The plan that runs now: its streams stay on their connections, and symbols that
            stopped trading stay for a while.
        now_ms: Epoch milliseconds; None: as this machine's clock says.

    Raises:
        Refused: a line for each problem, with its place and cure, or for each limit of the exchange
            that the plan breaks.
    """
    settings = loaded.settings
    shard = settings.shard.index, settings.shard.count
    wanted = settings.subscriptions, bases_of(settings), settings.topic_prefix
    try:
        now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        plan = make_plan(*wanted, universe=universe, before=before, shard=shard, now_ms=now)
    except PlanError as error:
        raise loaded.refused(error.problems) from error
    broken = plan_budget(settings, plan).refusals
    if broken:
        raise Refused("\n".join(f"the plan breaks a limit: {limit}" for limit in broken))
    return plan


def plan_budget(settings: Settings, plan: Plan) -> PlanBudget:
    """Return what a plan needs of the limits per IP address, and of the share that we may use."""
    backfill = settings.backfill.weight_share if settings.backfill.enabled else 0.0
    shares = LimitShares(settings.limits.share, backfill, settings.refresh.total_seconds())
    needed = needs(settings.subscriptions)
    return budget_of(plan.connections, needed.listings, needed.volumes, shares)


def streams_without_key(settings: Settings, plan: Plan) -> list[str]:
    """Return a warning for the streams whose backfill needs an API key that is not set, or none."""
    backfill = settings.backfill
    if not backfill.enabled or backfill.api_key_file is not None:
        return []
    counts = Counter(
        planned.stream.row for planned in plan.streams if _needs_key(planned.stream.row)
    )
    names = ", ".join(
        f"{row.product} {row.pattern} ({streams} stream{'' if streams == 1 else 's'})"
        for row, streams in counts.items()
    )
    text = (
        f"{names}: what is missed cannot be fetched without an API key: name its file in"
        " backfill.api_key_file (the key needs no permission), or set backfill.enabled: false"
    )
    return [text] if names else []


def _needs_key(row: Row) -> bool:
    return row.fillable and row.backfill is not None and row.backfill.needs_key
