"""`bkc verify`: proves that nothing is missing in the topics, or reports every hole."""

import time
from typing import Annotated

from typer import Context, Exit, Option

from connector.cli.arguments import AsJson, Config, File, Since, config_path, epoch_millis
from connector.errors import Refused


def verify(
    context: Context,
    file: File = None,
    config: Config = None,
    since: Since = None,
    until: Annotated[
        str | None, Option("--to", metavar="TIME", help="As --from, not included. Default: now.")
    ] = None,
    topic: Annotated[
        list[str] | None, Option(metavar="TOPIC", help="Only this one; may be given again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove from the topics that nothing is missing, or list it.

    Reads data, markers and progress, and reports every hole with the state of its marker. Needs
    read access only and joins no group. Reads each topic from the first record that is not older
    than --from (default: the beginning) to its end at the start of the command: backfill appends
    old times late, so a window of time has no last offset. Where the broker cannot look up times
    (the embedded one) the whole topic is read. Only committed records whose own time lies in the
    window count. Memory grows with series and holes, not with records.

    A hole is `unmarked` if it has no marker, or if its marker says less than is missing: fewer ids,
    or without ids an end before the next record; `unfillable` if the exchange no longer has all of
    it. `open` counts the gaps that have no last marker yet, `filled` those that were closed. What
    streams without ids in a row (book tickers, tickers) miss under no marker shows in no topic.

    Exit codes: 0 every hole is marked and no record is repeated; 1 not so, records could not be
    read, there are none though progress counts some, or nobody read anything in the window; 2 usage
    or config; 3 Kafka or the registry cannot be reached.
    """
    from connector.cli import verify_run

    start, end = epoch_millis(since, "--from"), epoch_millis(until, "--to")
    if end is None:
        end = time.time_ns() // 1_000_000
    if start is not None and end <= start:
        raise Refused(f"--from {since} is not before --to {until or 'now'}: nothing lies between")
    path = config_path(context, file, config)
    raise Exit(0 if verify_run.run(path, start, end, topic or (), as_json=as_json) else 1)
