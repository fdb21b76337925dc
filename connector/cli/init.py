"""`bkc init`: writes a config file to begin with."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from connector.cli.arguments import DEFAULT
from connector.errors import Refused

STANDARD_OUTPUT = Path("-")


def init(
    path: Annotated[
        Path,
        Argument(metavar="PATH", help=f"The file to write, else {DEFAULT}.", show_default=False),
    ] = DEFAULT,
    *,
    secured: Annotated[
        bool, Option("--secured", help="For a cluster and a registry with TLS and passwords.")
    ] = False,
    testnet: Annotated[
        bool, Option("--testnet", help="For Binance's testnet, into topics of its own.")
    ] = False,
) -> None:
    """Write a commented config file to begin with.

    No file is overwritten. With - as PATH the file is printed.

    Exit codes: 0 the file is written; 2 it is there already, or cannot be written.
    """
    from connector.cli.examples import example

    if secured and testnet:
        raise Refused("--secured and --testnet are two files: leave one out")
    name = "secured" if secured else "testnet" if testnet else "start"
    text = example(f"{name}.yaml").read_text(encoding="utf-8")
    if path == STANDARD_OUTPUT:
        echo(text, nl=False)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Refused(f"{path} is there already: name another file, bkc init PATH") from error
    except OSError as error:
        raise Refused(f"{path}: cannot write the file: {error.strerror}") from error
    echo(
        f"{path} is written: set the addresses of Kafka and registry in it, then: bkc check {path}"
    )
