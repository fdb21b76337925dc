"""`bkc lab`: the lab's exchange, registry or broker alone, for testing any client."""

from pathlib import Path
from typing import Annotated

from typer import Option, Typer

from connector.binance.products import Product

app = Typer(help="Run the lab's exchange, registry or broker until Ctrl-C.", no_args_is_help=True)

Rate = Annotated[
    float, Option(min=1, metavar="NUMBER", help="Events a second over all streams in use.")
]
Seed = Annotated[int, Option(metavar="NUMBER", help="The same seed makes the same market.")]
Port = Annotated[
    int | None,
    Option(
        min=1,
        max=65_531,
        metavar="PORT",
        help="First of five: spot, fstream, dstream, REST, WS API. [free]",
    ),
]
Fault = Annotated[
    list[str] | None,
    Option(metavar="FAULT", help='As "mute@10s:5s"; several. `bkc lab faults` lists them.'),
]
Schedule = Annotated[Path | None, Option(metavar="FILE", help="A file of faults, one a line.")]
Misaligned = Annotated[
    bool, Option("--misaligned", help="Every second connection gets depth cut differently.")
]
LargeRequests = Annotated[
    bool, Option("--large-requests", help="Requests over 4,090 bytes are stuck, over 8,000 lost.")
]
Secrets = Annotated[
    Path | None,
    Option(metavar="DIR", help="Files of an API key that the WS API knows, as for `bkc call`."),
]
AccountRate = Annotated[
    float,
    Option(min=0, metavar="NUMBER", help="Events a second of each account of the API key."),
]
Real = Annotated[bool, Option("--kafka", help="Real servers in place of the embedded.")]


@app.command()
def exchange(
    *,
    rate: Rate = 1000.0,
    seed: Seed = 1,
    port: Port = None,
    fault: Fault = None,
    schedule: Schedule = None,
    misaligned: Misaligned = False,
    large_requests: LargeRequests = False,
    secrets: Secrets = None,
    account_rate: AccountRate = 0.0,
    play: Annotated[
        list[Path] | None,
        Option(metavar="FILE", help="Play a capture in place of the market; several."),
    ] = None,
    product: Annotated[
        Product | None,
        Option(metavar="PRODUCT", help="Product of captures whose names do not begin with it."),
    ] = None,
    stream: Annotated[
        str | None,
        Option(metavar="STREAM", help="Stream of raw payloads that do not contain its name."),
    ] = None,
    speed: Annotated[
        str, Option(metavar="NUMBER", help="Times the captures' own pace, or max.")
    ] = "1",
    loop: Annotated[bool, Option("--loop", help="Play again and again.")] = False,
) -> None:
    """Run the exchange: streams and REST of all products.

    Exit codes: 0 stopped by Ctrl-C or SIGTERM; 2 an option is wrong or a port is taken.
    """
    from connector.cli import lab_run

    player = lab_run.player(play or [], product, stream, speed, loop=loop)
    server = lab_run.exchange(
        seed,
        rate,
        port,
        misaligned=misaligned,
        large_requests=large_requests,
        source=player,
        secrets=secrets,
        account_rate=account_rate,
    )
    faults = lab_run.faults(fault or [], schedule, "exchange", captured=player is not None)
    lab_run.run([server], faults)


@app.command()
def registry(
    port: Annotated[int, Option(min=0, max=65_535, metavar="PORT", help="0 takes a free one.")] = 0,
    fault: Fault = None,
    schedule: Schedule = None,
) -> None:
    """Run the schema registry, kept in memory.

    Exit codes: 0 stopped by Ctrl-C or SIGTERM; 2 an option is wrong or the port is taken.
    """
    from connector.cli import lab_run

    faults = lab_run.faults(fault or [], schedule, "registry")
    lab_run.run([lab_run.registry(port)], faults)


@app.command()
def broker(kafka: Real = False) -> None:
    """Run a broker: the embedded one, or a real Kafka.

    The embedded one is librdkafka's; the real one comes with a Java of its own.

    Exit codes: 0 stopped by Ctrl-C or SIGTERM; 3 Kafka did not come up.
    """
    from connector.cli import lab_run

    lab_run.run([lab_run.broker(real=kafka)])


@app.command("all")
def everything(
    *,
    rate: Rate = 1000.0,
    seed: Seed = 1,
    port: Port = None,
    fault: Fault = None,
    schedule: Schedule = None,
    misaligned: Misaligned = False,
    large_requests: LargeRequests = False,
    kafka: Real = False,
    secrets: Secrets = None,
    account_rate: AccountRate = 0.0,
    write: Annotated[
        Path | None, Option(metavar="FILE", help="Write the config to this file too.")
    ] = None,
) -> None:
    """Run all three, and print a config that points there.

    It is the market worker's; with --secrets, which wants --kafka, that of the account worker.

    Exit codes: 0 stopped by Ctrl-C or SIGTERM; 2 an option is wrong or a port is taken; 3 a part
    did not come up.
    """
    from connector.cli import lab_run

    exchange = lab_run.exchange(
        seed,
        rate,
        port,
        misaligned=misaligned,
        large_requests=large_requests,
        secrets=secrets,
        account_rate=account_rate,
    )
    lab_run.check_account_side(secrets, kafka=kafka)
    faults = lab_run.faults(fault or [], schedule, "exchange" if kafka else "all")
    kafka_side = lab_run.broker(real=kafka), lab_run.registry(0, real=kafka)
    lab_run.run([*kafka_side, exchange], faults, write, secrets)


@app.command()
def faults() -> None:
    """List the faults, with their parameters in order."""
    from connector.cli import lab_run

    lab_run.show_faults()
