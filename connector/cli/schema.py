"""`bkc schema`: what a topic's records are, as a reader needs it."""

from typing import Annotated, Literal

from typer import Argument, Option, echo


def schema(
    name: Annotated[
        str | None,
        Argument(
            metavar="TOPIC|KIND",
            help="A topic (binance.spot.trade) or a kind (trade, marker, account-event).",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[  # the keys of codec.export.EXPORTS, which takes long to import
        Literal["avsc", "flink-ddl", "spark", "asyncapi", "markdown"],
        Option("--format", help="How to write it."),
    ] = "avsc",
    prefix: Annotated[
        str, Option(metavar="PREFIX", help="topics.prefix, for a KIND and --all.")
    ] = "binance",
    topic: Annotated[
        str | None, Option(metavar="NAME", help="Name of a KIND's topic, where the config has one.")
    ] = None,
    every: Annotated[bool, Option("--all", help="Every topic that there can be.")] = False,
) -> None:
    """Print what the records of a topic are: Avro, Flink SQL, Spark, AsyncAPI or a page.

    Of a KIND all its topics, one for each product.
    """
    from connector.cli.schema_page import chosen, page

    echo(page(chosen(name, prefix, topic=topic, every=every), format_), nl=False)
