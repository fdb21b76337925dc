"""`bkc demo`: the connector in its real form against a lab, proved record by record."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from connector.telemetry import logs


class Broker(StrEnum):
    """What stands in for the cluster."""

    mock = "mock"
    kafka = "kafka"


class SourceChoice(StrEnum):
    """What is read."""

    lab = "lab"
    binance = "binance"


def demo(
    broker: Annotated[
        Broker, typer.Option(help="mock: embedded broker and registry. kafka: real ones.")
    ] = Broker.mock,
    source: Annotated[
        SourceChoice, typer.Option(help="lab: a simulated exchange. binance: the real one.")
    ] = SourceChoice.lab,
    seconds: Annotated[float, typer.Option(min=1, help="How long to let data flow.")] = 25.0,
    rate: Annotated[float, typer.Option(min=1, help="Events a second the lab sends.")] = 2000.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C at the end.")
    ] = False,
) -> None:
    """Run the whole way, exchange to Kafka and back, for half a minute, and prove it.

    Starts a simulated exchange, a broker, a schema registry and the connector; reads the topics
    back with the standard deserialiser; compares every id sent with every id read.

    Exit codes: 0 missing 0 and repeated 0; 1 not so; 3 something could not be reached.
    """
    from connector.cli.demo.run import Demo  # noqa: PLC0415 - the lab stays out of the worker

    logs.configure(json=False, level="WARNING")
    running = Demo(
        real_kafka=broker is Broker.kafka,
        real_exchange=source is SourceChoice.binance,
        seconds=seconds,
        rate=rate,
        keep=keep,
    )
    raise typer.Exit(0 if asyncio.run(running.run()) else 1)
