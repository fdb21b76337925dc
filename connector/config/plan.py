"""A config file and what the exchange lists into a plan; every problem with its place."""

from collections import Counter
from collections.abc import Mapping

from connector.binance.catalogue.row import Row
from connector.binance.exchange_info import Universe
from connector.binance.products import ENVIRONMENTS, Bases, Product
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.errors import Refused
from connector.planning.budget import PlanBudget, Shares, budget_of
from connector.planning.model import Plan, PlanError
from connector.planning.plan import make_plan, needs


def bases_of(settings: Settings) -> Mapping[Product, Bases]:
    """Return where each product is served: an environment's hosts, or the file's own."""
    if isinstance(settings.exchange, str):
        return ENVIRONMENTS[settings.exchange]
    production = ENVIRONMENTS["production"]
    return {
        product: Bases((custom.streams,), custom.rest or production[product].rest)
        for product, custom in settings.exchange.items()
    }


def plan_of(loaded: Loaded, universe: Universe | None = None, before: Plan | None = None) -> Plan:
    """Resolve the subscriptions of a file.

    Args:
        loaded: The file.
        universe: What the exchange lists; None leaves pending what only it can tell.
        before: The plan that runs now: its streams stay on their connections.

    Raises:
        Refused: each problem with file, line and cure; a limit of the exchange that it breaks.
    """
    settings = loaded.settings
    shard = settings.shard.index, settings.shard.count
    try:
        plan = make_plan(
            settings.subscriptions,
            bases_of(settings),
            settings.topic_prefix,
            universe=universe,
            before=before,
            shard=shard,
        )
    except PlanError as error:
        raise loaded.refused(error.problems) from error
    broken = cost_in(settings, plan).refusals
    if broken:
        raise Refused("\n".join(f"the plan breaks a limit: {each}" for each in broken))
    return plan


def cost_in(settings: Settings, plan: Plan) -> PlanBudget:
    """Reckon up what a plan costs within the limits that the file leaves it."""
    backfill = settings.backfill.weight_share if settings.backfill.enabled else 0.0
    shares = Shares(settings.limits.share, backfill, settings.refresh / 1000)
    needed = needs(settings.subscriptions)
    return budget_of(plan.connections, needed.listings, needed.volumes, shares)


def keyless(settings: Settings, plan: Plan) -> list[str]:
    """Say which streams miss for good what they miss, because REST wants an API key for it."""
    backfill = settings.backfill
    if not backfill.enabled or backfill.api_key_file is not None:
        return []
    rows = Counter(one.stream.row for one in plan.streams if _needs_key(one.stream.row))
    return [
        f"{row.product} {row.pattern} ({streams} stream{'' if streams == 1 else 's'}): what is"
        " missed cannot be fetched without an API key: name its file in backfill.api_key_file (the"
        " key needs no permission), or set backfill.enabled: false"
        for row, streams in rows.items()
    ]


def _needs_key(row: Row) -> bool:
    return row.fillable and row.backfill is not None and row.backfill.needs_key
