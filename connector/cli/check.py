"""`bkc check`: checks the config file and shows its plan, without any network."""

from typer import Context

from connector.cli.arguments import Config, File, config_path


def check(context: Context, file: File = None, config: Config = None) -> None:
    """Check a config file, offline, and show what it means.

    Prints every error with its line, else the topic of each stream. Streams that depend on
    exchangeInfo (filters on symbols) are named; `bkc plan` shows them.

    Exit codes: 0 the file is good, 2 it is not.
    """
    from connector.cli import check_run

    check_run.run(config_path(context, file, config))
