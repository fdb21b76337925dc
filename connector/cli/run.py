"""`bkc run market` and `bkc run account`: a worker, until a signal stops it."""

from typer import Context, Exit, Typer

from connector.cli.arguments import ACCOUNT_DEFAULT, AccountFile, Config, File, config_path

app = Typer(help="Run a worker until SIGTERM or Ctrl-C.", no_args_is_help=True)


@app.callback()
def workers() -> None:
    """Run a worker until SIGTERM or Ctrl-C."""


@app.command()
def market(context: Context, file: File = None, config: Config = None) -> None:
    """Read market streams and write them to Kafka.

    At the start it waits a minute for Kafka, and for the registry and the exchange without limit.
    Later an outage of any of them does not end it: while Kafka is away it reads on and holds the
    records (setting hold); records beyond that are dropped and marked as missing. What a start
    lacks, and each cure: bkc doctor market.

    Exit codes: 0 everything read was stored; 1 some records were not (the log says how many);
    2 the config is wrong, or a topic would lose data; 3 Kafka did not answer at the start, or the
    exchange does not serve this place; 4 Kafka refused for good, or a bug ended it.
    """
    from connector.cli import run_worker
    from connector.cli.endings import NOT_STORED

    raise Exit(NOT_STORED if run_worker.market(config_path(context, file, config)) else 0)


@app.command()
def account(context: Context, file: AccountFile = None, config: Config = None) -> None:
    """Read the events of accounts and write them to a secured Kafka topic.

    The file is one of its own (`accounts:`). It refuses a Kafka that is not encrypted and
    authenticated unless the file says allow_insecure_kafka: true. After every break the account is
    asked, so that orders, fills and balances in the topic are right again. What a start lacks, and
    each cure: bkc doctor account.

    Exit codes: 0 everything read was stored; 1 some records were not (the log says how many);
    2 the config or a key file is wrong, or a topic would lose data; 3 Kafka did not answer at the
    start; 4 Kafka refused for good, or a bug ended it.
    """
    from connector.cli import run_worker
    from connector.cli.endings import NOT_STORED

    path = config_path(context, file, config, ACCOUNT_DEFAULT)
    raise Exit(NOT_STORED if run_worker.account(path) else 0)
