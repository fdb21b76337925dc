"""`bkc demo`: the whole connector against the lab, checked record by record."""

from typing import Annotated, Literal

from typer import Exit, Option


def demo(
    broker: Annotated[
        Literal["mock", "kafka"],
        Option(help="mock: embedded broker and registry. kafka: real ones."),
    ] = "mock",
    source: Annotated[
        Literal["lab", "binance"], Option(help="lab: a simulated exchange. binance: the real one.")
    ] = "lab",
    seconds: Annotated[
        float, Option(min=1, metavar="SECONDS", help="How long to let data flow.")
    ] = 25.0,
    rate: Annotated[
        float, Option(min=1, metavar="NUMBER", help="Events a second the lab sends.")
    ] = 2000.0,
    keep: Annotated[
        bool, Option("--keep", help="Leave everything running until Ctrl-C at the end.")
    ] = False,
) -> None:
    """Show it at work for half a minute, and prove it.

    Starts a simulated exchange, a broker, a schema registry and the connector; reads the topics
    back with the standard deserialiser; compares every id sent with every id read.

    Exit codes: 0 missing 0 and repeated 0; 1 not so; 3 a server could not be reached.
    """
    from connector.cli.demo.run import Demo

    real = {"real_kafka": broker == "kafka", "real_exchange": source == "binance"}
    demonstration = Demo(**real, seconds=seconds, rate=rate, keep=keep)
    raise Exit(0 if demonstration.run() else 1)
