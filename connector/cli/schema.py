"""`bkc schema`: a kind's record, as Avro to register or as a page to read."""

from typing import Annotated, Literal

from typer import Argument, Option, echo


def schema(
    kind: Annotated[
        str, Argument(metavar="KIND", help="A kind: trade, depth-diff, ...; marker, progress.")
    ],
    format_: Annotated[  # the keys of codec.export.EXPORTS, which takes long to import
        Literal["avsc", "markdown"], Option("--format", help="How to write it.")
    ] = "avsc",
) -> None:
    """Print the record of a kind."""
    from connector.cli.schema_page import page

    echo(page(kind, format_), nl=False)
