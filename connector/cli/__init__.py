"""The command `bkc`: one verb, one file. A verb parses, calls one function below, exits.

A verb's file holds what help and completion show; it imports what does the work only when the verb
runs, so that neither has to wait for it.

Exit codes: 0 good, 1 a problem was found, 2 usage or config, 3 a server cannot be reached, 4 gave
up.
"""

import sys
from typing import Annotated, Any

from typer import BadParameter, Exit, Option, Typer, echo
from typer.core import TyperGroup
from typing_extensions import override

from connector import version
from connector.cli import (
    backfill,
    call,
    check,
    decode,
    demo,
    doctor,
    init,
    lab,
    plan,
    run,
    schema,
    streams,
    top,
    verify,
)
from connector.errors import Fatal, Refused, Retry


class CommandGroup(TyperGroup):
    """The verbs of `bkc`."""

    @override
    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, flags without a value being off.

        typer imports pydantic to coerce the None of its own ones: half of the time of each help.
        """
        params: list[Any] = super().get_params(ctx)
        for param in params:
            if param.default is None and getattr(param, "is_flag", False):
                param.default = False
        return params

    @override
    def invoke(self, ctx: Any) -> Any:
        """Run a verb; what is wrong with its options is said without pydantic's `Value error, `."""
        try:
            return super().invoke(ctx)
        except BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


app = Typer(
    name="bkc",
    cls=CommandGroup,
    no_args_is_help=True,
    epilog="To see it at work: bkc demo. For a file of your own: bkc init, then check,"
    " then run market or run account.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help in plain text, its paragraphs whole; rich takes long to import
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(init.init)
app.command()(check.check)
app.command()(plan.plan)
app.add_typer(run.app, name="run", cls=CommandGroup)
app.add_typer(doctor.app, name="doctor", cls=CommandGroup)
app.command()(top.top)
app.command()(verify.verify)
app.command()(backfill.backfill)
app.command()(streams.streams)
app.command()(schema.schema)
app.command()(decode.decode)
app.command()(call.call)
app.command()(demo.demo)
app.add_typer(lab.app, name="lab", cls=CommandGroup)


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(f"bkc {version()}")
        raise Exit


@app.callback()
def bkc(
    _version: Annotated[
        bool,
        Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Binance WebSocket streams as Kafka topics of Avro records."""


def main() -> None:
    """Run the command line; print the package's errors and exit with their codes."""
    try:
        app()
    except (Refused, Retry, Fatal) as error:
        from connector.cli.console import fail
        from connector.cli.endings import ending

        sys.exit(fail(*ending(error)))
