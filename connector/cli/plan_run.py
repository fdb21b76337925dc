"""Runs `bkc plan`: asks what the exchange lists, makes the plan, prints it."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from typer import echo

from connector.binance.exchange_info import Universe
from connector.binance.products import PRODUCTS
from connector.cli import plan_sources, plan_view
from connector.cli.console import out, print_lines, waiting, warn
from connector.config.load import Loaded, load
from connector.config.plan import plan_budget, plan_of, streams_without_key
from connector.diagnostics.preflight import check_offline
from connector.diagnostics.status_client import running_plan
from connector.diagnostics.topics import compare_topics
from connector.errors import Refused, Retry
from connector.planning.diff import RunningPlan
from connector.planning.model import Plan
from connector.planning.plan import needs
from connector.telemetry import logs


def run(
    path: Path, infos: Sequence[str], tickers: Sequence[str], running: str | None, *, as_json: bool
) -> None:
    """Print the plan of a file.

    Args:
        path: The config file.
        infos: PRODUCT=FILE of saved answers of exchangeInfo; none: the exchange is asked.
        tickers: PRODUCT=FILE of saved answers of the 24 h tickers.
        running: URL of a worker to compare with.
        as_json: For machines.

    Raises:
        Refused: no plan can be made, or a topic would lose data. Retry: the exchange or the worker
            cannot be reached.
    """
    loaded = load(path)
    logs.configure(json=False, level="ERROR")
    warnings = check_offline(loaded, here=False)
    universe, unchecked = _universe(loaded, infos, tickers)
    worker = None if running is None else asyncio.run(running_plan(running))
    made = _make_plan(loaded, universe, worker)
    warnings += loaded.sentences([*made.warnings, *made.pending])
    warnings += [*streams_without_key(loaded.settings, made), *unchecked, *map(str, universe.odd)]
    warnings += [] if infos else _topic_warnings(loaded, made)
    budget = plan_budget(loaded.settings, made)
    changes = None if worker is None else worker.changes(made)
    if as_json:
        # Not print_json: it takes seconds to colour 10,000 streams.
        echo(json.dumps(plan_view.as_json(made, budget, warnings, changes), indent=2))
        return
    if made.streams:
        print_lines([*plan_view.table(made, out.width), ""])
    if changes is not None:
        print_lines([*plan_view.changes(changes), ""])
    print_lines(plan_view.totals(made, budget))
    for warning in warnings:
        warn(warning)


def _topic_warnings(loaded: Loaded, made: Plan) -> list[str]:
    """Return what a worker would warn of in Kafka's topics; a plan is made without Kafka too.

    Raises:
        Refused: the worker would not start.
    """
    try:
        found = compare_topics(loaded, made)
    except (Refused, Retry) as error:
        return [f"topics are not compared: {error}"]
    if found.refused:
        raise Refused("\n".join(found.refused))
    return list(found.warnings)


def _universe(
    loaded: Loaded, infos: Sequence[str], tickers: Sequence[str]
) -> tuple[Universe, list[str]]:
    """Return listings and volumes, and a warning for each product that could not be asked.

    They come from the saved answers if there are any, else from the exchange.
    """
    subscriptions = loaded.settings.subscriptions
    needed = needs(subscriptions)
    if not infos:
        if tickers:
            raise Refused("--tickers alone: give --exchange-info PRODUCT=FILE as well")
        used = {subscription.product for subscription in subscriptions if subscription.symbols}
        products = [product for product in PRODUCTS if product in used]
        with waiting(f"asking the exchange about {', '.join(products)}"):
            return asyncio.run(plan_sources.ask_universe(loaded.settings, products, needed))
    saved = plan_sources.files("--exchange-info", infos)
    missing = sorted(needed.listings - saved.keys())
    if missing:
        cure = " ".join(f"--exchange-info {product}=FILE" for product in missing)
        raise Refused(f"symbols of {', '.join(missing)} depend on exchangeInfo too: add {cure}")
    return plan_sources.read_universe(saved, plan_sources.files("--tickers", tickers), needed), []


def _make_plan(loaded: Loaded, universe: Universe, worker: RunningPlan | None) -> Plan:
    """Make the plan; with a running worker so that its streams stay on their connections."""
    if worker is None:
        return plan_of(loaded, universe)
    fresh = plan_of(loaded, universe, worker.with_selected(loaded.settings.subscriptions))
    return plan_of(loaded, universe, worker.with_connections(fresh))
