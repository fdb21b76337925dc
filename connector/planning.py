"""A config file and what the exchange lists into a plan; every problem with its place."""

from collections.abc import Mapping

from connector.binance.cost import Cost, Shares, cost_of
from connector.binance.plan import Plan, PlanError, make_plan, needs
from connector.binance.products import ENVIRONMENTS, Bases, Product
from connector.binance.symbols import Universe
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.errors import Refused


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


def cost_in(settings: Settings, plan: Plan) -> Cost:
    """Reckon up what a plan costs within the limits that the file leaves it."""
    backfill = settings.backfill.weight_share if settings.backfill.enabled else 0.0
    shares = Shares(settings.limits.share, backfill, settings.refresh / 1000)
    needed = needs(settings.subscriptions)
    return cost_of(plan.bundles, needed.listings, needed.volumes, shares)
