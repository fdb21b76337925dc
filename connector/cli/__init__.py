"""The command `bkc`: one verb, one file. A verb parses, calls one function below, prints, exits.

Exit codes: 0 good, 1 a problem was found, 2 usage or config, 3 a server cannot be reached, 4 gave
up.
"""

import sys

from typer import Typer

from connector.cli import backfill, check, decode, demo, lab, plan, run, schema, streams, verify
from connector.cli.console import fail
from connector.errors import Fatal, Refused, Retry

app = Typer(
    name="bkc",
    help="Binance WebSocket streams as Kafka topics of Avro records.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(run.app, name="run")
app.add_typer(lab.app, name="lab")
VERBS = (check.check, plan.plan, streams.streams, schema.schema, decode.decode, demo.demo)
for verb in (*VERBS, verify.verify, backfill.backfill):
    app.command()(verb)


def main() -> None:
    """Run the command line; print the package's errors and exit with their codes."""
    try:
        app()
    except Refused as error:
        sys.exit(fail(str(error), 2))
    except Retry as error:
        sys.exit(fail(f"could not reach: {error}", 3))
    except Fatal as error:
        sys.exit(fail(f"gave up: {error}", 4))
