"""`bkc check`: checks the config file and shows its plan; asks nobody but with --online."""

from typing import Annotated

from typer import Context, Option

from connector.cli.arguments import Config, File, config_path

Online = Annotated[
    bool, Option("--online", help="Also compare the topics that are in Kafka; changes nothing.")
]


def check(
    context: Context, file: File = None, config: Config = None, online: Online = False
) -> None:
    """Check a config file, offline, and show what it means.

    Prints every error with its line, else the topic of each stream. Streams that depend on
    exchangeInfo (filters on symbols) are named; `bkc plan` shows them.

    An account worker's file: account, product and topic of each subscription. Its key files are
    read, too; one that is missing or that others may read is a warning.

    With --online the topics that are in Kafka are compared with what a market worker needs of them
    (settings and rights), as every start does. For accounts this is `bkc doctor account`.

    Exit codes: 0 the file is good; 2 it is not, or a topic loses data; 3 Kafka does not answer.
    """
    from connector.cli import check_run

    check_run.run(config_path(context, file, config), online=online)
