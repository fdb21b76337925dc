"""`bkc plan`: what a config file means at this exchange today, and what it costs."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from connector.binance.exchange_info import Universe
from connector.binance.products import PRODUCTS
from connector.cli import plan_sources, plan_view
from connector.cli.arguments import Config, File, config_path
from connector.cli.console import err, out
from connector.config.load import Loaded, load
from connector.config.plan import cost_in, keyless, plan_of
from connector.diagnostics.preflight import check_offline
from connector.errors import Refused
from connector.planning.diff import Running
from connector.planning.model import Plan
from connector.planning.plan import needs
from connector.telemetry import logs

Infos = Annotated[
    list[str] | None,
    typer.Option(
        "--exchange-info",
        metavar="PRODUCT=FILE",
        help="A saved answer of exchangeInfo, in place of asking; once for each product.",
    ),
]
Tickers = Annotated[
    list[str] | None,
    typer.Option(
        "--tickers",
        metavar="PRODUCT=FILE",
        help="A saved answer of the 24 h tickers, for `top` and better estimates.",
    ),
]
Worker = Annotated[
    str | None,
    typer.Option("--running", metavar="URL", help="Compare with this worker: http://host:8080."),
]


def plan(
    context: typer.Context,
    file: File = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    exchange_info: Infos = None,
    tickers: Tickers = None,
    running: Worker = None,
) -> None:
    """Show each stream's way, the connections, and what they cost; asks exchangeInfo.

    Exit codes: 0 the plan can be run, 2 it cannot, or the config is wrong, 3 exchangeInfo or the
    worker cannot be reached.
    """
    loaded = load(config_path(context, file, config))
    logs.configure(json=False, level="ERROR")
    tried = check_offline(loaded, here=False)
    universe, without = _universe(loaded, exchange_info or (), tickers or ())
    worker = None if running is None else plan_sources.ask_running(running)
    made = _made(loaded, universe, worker)
    placed = loaded.sentences([*made.warnings, *made.pending])
    warnings = [*tried, *placed, *keyless(loaded.settings, made), *without]
    cost = cost_in(loaded.settings, made)
    moves = None if worker is None else worker.moves(made)
    if as_json:
        # Not print_json: it takes seconds to colour 10,000 streams.
        _print([json.dumps(plan_view.as_json(made, cost, warnings, moves), indent=2)])
        return
    if made.streams:
        _print([*plan_view.table(made, out.width), ""])
    if moves is not None:
        _print([*plan_view.changes(moves), ""])
    _print(plan_view.totals(made, cost))
    for warning in warnings:
        err.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _universe(
    loaded: Loaded, infos: Sequence[str], tickers: Sequence[str]
) -> tuple[Universe, list[str]]:
    """Return what files or the exchange say of every product that symbols are read of.

    With files nobody is asked.
    """
    subscriptions = loaded.settings.subscriptions
    needed = needs(subscriptions)
    if not infos:
        if tickers:
            raise Refused("--tickers alone: give --exchange-info PRODUCT=FILE as well")
        used = {one.product for one in subscriptions if one.symbols}
        products = [product for product in PRODUCTS if product in used]
        return asyncio.run(plan_sources.ask_universe(loaded.settings, products, needed))
    listed = plan_sources.files("--exchange-info", infos)
    missing = sorted(needed.listings - listed.keys())
    if missing:
        cure = " ".join(f"--exchange-info {product}=FILE" for product in missing)
        raise Refused(f"symbols of {', '.join(missing)} depend on exchangeInfo too: add {cure}")
    return plan_sources.read_universe(listed, plan_sources.files("--tickers", tickers), needed), []


def _made(loaded: Loaded, universe: Universe, worker: Running | None) -> Plan:
    """Make the plan; next to a running worker, so that its streams stay where they are."""
    if worker is None:
        return plan_of(loaded, universe)
    fresh = plan_of(loaded, universe, worker.before(loaded.settings.subscriptions))
    return plan_of(loaded, universe, worker.placed(fresh))
