"""`bkc decode`: records of captured frames, without exchange or Kafka."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Exit, Option

from connector.cli.arguments import ProductName


def decode(
    product: ProductName,
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
    avro: Annotated[bool, Option("--avro", help="Print the Avro bytes in hex.")] = False,
) -> None:
    """Turn captured frames into records, without Kafka.

    Takes one JSON a line, combined or raw. Prints topic, key, timestamp and record of each event,
    or the dead letter with its reason. Control frames (answers to requests, the serverShutdown
    notice) are printed as such.

    Exit codes: 0 all became records or were control; 1 there was a dead letter.
    """
    from connector.cli import decode_run

    raise Exit(1 if decode_run.run(product, file, stream, time_unit, avro=avro) else 0)
