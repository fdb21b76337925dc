"""`bkc doctor`: what a worker depends on, looked at before it runs or while it does."""

from pathlib import Path
from typing import Annotated

from typer import Context, Exit, Option, Typer

from connector.cli.arguments import ACCOUNT_DEFAULT, AccountFile, AsJson, Config, File, config_path
from connector.errors import Refused

app = Typer(help="Look at everything that a worker depends on.", no_args_is_help=True)


@app.callback()
def workers() -> None:
    """Look at everything that a worker depends on, and name each cure."""


Strict = Annotated[bool, Option("--strict", help="Exit with 1, too, for what it cannot tell.")]


@app.command()
def market(
    context: Context,
    file: File = None,
    config: Config = None,
    probe: Annotated[
        bool,
        Option(
            "--probe",
            help="Write, too, as a start does: register the schemas, and put a record into a"
            " transaction that is aborted.",
        ),
    ] = False,
    wait: Annotated[
        float,
        Option("--wait", min=0.1, metavar="SECONDS", help="For the first data of a stream."),
    ] = 10.0,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Look at what a market worker depends on; without --probe it changes nothing.

    One line each: ok, warn, fail or `cannot tell`, with the cure. The files that the config names.
    Memory for `hold`, open files. The exchange: names, TLS, REST, clocks, the plan with what is
    listed, and the first data of one stream on each endpoint. Kafka: encryption, login, brokers,
    topics with their settings and rights, transactions. The schema registry.

    Run it where the worker is to run: in its container, as its user.

    Exit codes: 0 nothing is wrong; 1 a warn or fail was found; 2 usage or config; 3 a server did
    not answer, and nothing else is wrong.
    """
    from connector.cli import doctor_run

    path = config_path(context, file, config)
    raise Exit(doctor_run.market(path, wait, probe=probe, strict=strict, as_json=as_json))


@app.command()
def account(
    context: Context,
    file: AccountFile = None,
    config: Config = None,
    reader: Annotated[
        list[str] | None,
        Option(
            metavar="PRINCIPAL",
            help="Who is meant to read the account topics, such as User:risk; again for others."
            " Whoever else may is warned of.",
        ),
    ] = None,
    admin_file: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Login of a Kafka administrator, in librdkafka's names (sasl.username=admin):"
            " he may see who may read. Mode 0600.",
        ),
    ] = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Look at what an account worker depends on; changes nothing.

    One line each: ok, warn, fail or `cannot tell`, with the cure. Kafka: encryption, login, topics
    with their settings and rights, who may read and write them. The schema registry. Files of keys
    and passwords. API keys: what they may do beyond reading, and from where. Clocks.

    Who may read a topic is shown to administrators alone: an empty list of ACLs proves nothing
    without the right to see it. Then the answer is `cannot tell`; --admin-file cures that.

    Exit codes: 0 nothing is wrong; 1 a warn or fail was found; 2 usage or config; 3 a server did
    not answer, and nothing else is wrong.
    """
    from connector.cli import doctor_run

    path = config_path(context, file, config, ACCOUNT_DEFAULT)
    for principal in reader or ():
        if ":" not in principal:
            raise Refused(f"--reader {principal!r} is no principal: write User:{principal}")
    code = doctor_run.account(path, reader or (), admin_file, strict=strict, as_json=as_json)
    raise Exit(code)
