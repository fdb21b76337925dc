"""`bkc init`: writes a config file to begin with."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from connector.cli.arguments import DEFAULT
from connector.errors import Refused

STANDARD_OUTPUT = Path("-")
ACCOUNT_FILE = Path("account.yaml")


def init(
    path: Annotated[
        Path | None,
        Argument(
            metavar="PATH",
            help=f"The file to write, else {DEFAULT}; with --account: {ACCOUNT_FILE}.",
            show_default=False,
        ),
    ] = None,
    *,
    secured: Annotated[
        bool, Option("--secured", help="For a cluster and a registry with TLS and passwords.")
    ] = False,
    testnet: Annotated[
        bool, Option("--testnet", help="For Binance's testnet, into topics of its own.")
    ] = False,
    account: Annotated[
        bool, Option("--account", help="For the account worker, which has a file of its own.")
    ] = False,
) -> None:
    """Write a commented config file to begin with.

    No file is overwritten. With - as PATH the file is printed.

    Exit codes: 0 the file is written; 2 it is there already, or cannot be written.
    """
    from connector.cli.examples import example

    name = _example({"secured": secured, "testnet": testnet, "account": account})
    path = path or (ACCOUNT_FILE if account else DEFAULT)
    text = example(f"{name}.yaml").read_text(encoding="utf-8")
    if path == STANDARD_OUTPUT:
        echo(text, nl=False)
        return
    _write(path, text)
    to_set = "the addresses of Kafka and registry"
    to_set += ", the Kafka user and the key files" if account else ""
    echo(f"{path} is written: set {to_set} in it, then: bkc check {path}")


def _example(options: dict[str, bool]) -> str:
    """Return the name of the example that the options choose; raises Refused for two."""
    chosen = [name for name, given in options.items() if given]
    if len(chosen) > 1:
        raise Refused(f"--{' and --'.join(chosen)} write different files: choose one of them")
    return chosen[0] if chosen else "start"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Refused(f"{path} is there already: name another file, bkc init PATH") from error
    except OSError as error:
        raise Refused(f"{path}: cannot write the file: {error.strerror}") from error
