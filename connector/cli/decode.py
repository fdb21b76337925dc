"""`bkc decode`: records of captured frames, without exchange or Kafka."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Exit, Option

from connector.cli.arguments import PRODUCT_NAMES, EventProduct


def decode(
    product: Annotated[
        EventProduct,
        Option(metavar="PRODUCT", help=f"Its name: {PRODUCT_NAMES}; --account takes others too."),
    ],
    file: Annotated[
        Path | None, Argument(metavar="FILE", help="JSON lines; else standard input.")
    ] = None,
    stream: Annotated[
        str | None,
        Option(metavar="STREAM", help="Stream of raw payloads that do not contain its name."),
    ] = None,
    time_unit: Annotated[
        Literal["ms", "us"],
        Option(help="Unit of the times in the frames; us: spot with timeUnit=MICROSECOND."),
    ] = "ms",
    account: Annotated[
        bool, Option("--account", help="The frames are user data events of an account.")
    ] = False,
    avro: Annotated[bool, Option("--avro", help="Print the Avro bytes in hex.")] = False,
) -> None:
    """Turn captured frames into records, without Kafka.

    Takes one JSON a line, combined or raw. Prints topic, key, timestamp and record of each event,
    or the dead letter with its reason. Control frames (answers to requests, the serverShutdown
    notice) are printed as such. With --account: user data events in any of their wrappers; secrets
    in them are not printed.

    Exit codes: 0 all became records or were control; 1 there was a dead letter.
    """
    if account:
        from connector.cli import decode_account

        raise Exit(1 if decode_account.run(product, file, avro=avro) else 0)
    from connector.cli import decode_run

    market = decode_run.with_streams(product)
    raise Exit(1 if decode_run.run(market, file, stream, time_unit, avro=avro) else 0)
