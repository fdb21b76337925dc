"""Runs `bkc check`: what a config file means, without any network."""

from pathlib import Path

from connector.cli.console import count, out, print_lines
from connector.cli.text_table import table
from connector.config.account import AccountWorkerSettings, insecurities
from connector.config.load import Loaded, is_account_file, load, load_account
from connector.config.plan import plan_of, streams_without_key
from connector.diagnostics.preflight import check_offline
from connector.diagnostics.topics import compare_topics
from connector.errors import Refused
from connector.planning.model import KeyPath, Plan
from connector.planning.selection import describe


def run(path: Path, *, online: bool) -> None:
    """Print the plan of a file, its warnings, and what is not known without the exchange.

    `online`: compare the topics that are in Kafka, too.

    Raises:
        Refused: the file is not good, or a topic is not. Retry: Kafka does not answer.
    """
    if is_account_file(path):
        if online:
            raise Refused(
                f"--online is for the market worker's file; run: bkc doctor account {path}"
            )
        _check_account(load_account(path))
        return
    loaded = load(path)
    warnings = check_offline(loaded, here=False)
    plan = plan_of(loaded)
    warnings += [*loaded.sentences(plan.warnings), *streams_without_key(loaded.settings, plan)]
    if online:
        found = compare_topics(loaded, plan)
        if found.refused:
            raise Refused("\n".join(found.refused))
        warnings += found.warnings
    if plan.connections:
        print_lines([*_streams(plan), "", *_connections(plan), ""])
    print_lines(f"warning: {warning}" for warning in warnings)
    print_lines(_pending(loaded, plan))
    if warnings or plan.pending:
        out.print()
    print_lines([f"{path} is good: {_sum(plan)}"])


def _check_account(loaded: Loaded[AccountWorkerSettings]) -> None:
    """Print what an account worker's file means."""
    settings = loaded.settings
    warnings = check_offline(loaded, here=False)
    if settings.allow_insecure_kafka:
        warnings += loaded.sentences(
            (("allow_insecure_kafka",), problem) for problem in insecurities(settings.kafka)
        )
    rows = [
        (account.alias, place.name, method, settings.topic_of(account))
        for account in settings.accounts
        for place, method in account.streams.places().items()
    ]
    print_lines(table(("account", "product", "subscribed by", "topic"), rows, out.width))
    out.print()
    print_lines(f"warning: {warning}" for warning in warnings)
    if warnings:
        out.print()
    subscriptions = (
        f"{count(len(rows), 'subscription')} of {count(len(settings.accounts), 'account')}"
    )
    print_lines([f"{loaded.places.file} is good: {subscriptions}"])


def _sum(plan: Plan) -> str:
    if not plan.connections:
        return "what it reads is asked of the exchange at the start"
    streams, connections = len(plan.streams), len(plan.connections)
    text = f"{count(streams, 'stream')} on {count(connections, 'connection')}"
    rest = ", and what the exchange lists" if plan.pending else ""
    return f"{text} into {count(len(plan.topics), 'topic')}{rest}"


def _pending(loaded: Loaded, plan: Plan) -> list[str]:
    """Return what exchangeInfo decides, a line each with its place; symbols in words."""
    findings: list[tuple[KeyPath, str]] = []
    for where, text in plan.pending:
        shown = text
        if len(where) == 3 and where[-1] == "symbols":  # noqa: PLR2004 - subscriptions, 0, symbols
            subscription = loaded.settings.subscriptions[int(where[1])]
            selection = describe(subscription.selection)
            shown = f"{subscription.product} {selection}: asked at the start"
        findings.append((where, f"{shown}; bkc plan shows them"))
    return loaded.sentences(findings)


def _streams(plan: Plan) -> list[str]:
    rows = [
        (planned.stream.name, planned.topic, connection.name)
        for connection in plan.connections
        for planned in connection.streams
    ]
    return table(("stream", "topic", "connection"), rows, out.width)


def _connections(plan: Plan) -> list[str]:
    rows = [
        (connection.name, str(len(connection.streams)), connection.endpoint)
        for connection in plan.connections
    ]
    return table(("connection", "streams", "endpoint"), rows, out.width, right=1)
