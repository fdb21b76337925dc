"""Everything worth a log line, one function each: the catalogue of what can happen.

Normal running is silent: start, stop, plan and trouble only. Counters are kept in the ledger.
"""

import functools
import logging
import time
from collections.abc import Callable

import structlog

from connector.rate_limit import Sampler

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger("bkc")
_dead_letters = Sampler(5)
_transactions = Sampler(1)


def started(streams: int, connections: int, topics: int, version: str) -> None:
    """The plan is made and the worker begins."""
    _log.info("started", version=version, streams=streams, connections=connections, topics=topics)


def stopped(left: int, seconds: float, **counts: int) -> None:
    """The worker has drained; `left` records could not be stored."""
    level = _log.info if left == 0 else _log.error
    level("stopped", left=left, seconds=round(seconds, 2), **counts)


def waiting_for_registry(cause: str) -> None:
    """The schema registry does not answer: nothing is read before it does."""
    _log.warning("waiting_for_registry", cause=cause)


def compatibility_not_set(subject: str, cause: str) -> None:
    """The registry does not let us set FULL_TRANSITIVE; its own rule stands."""
    _log.warning("compatibility_not_set", subject=subject, cause=cause)


def waiting_for_exchange_info(cause: str, retry_s: float) -> None:
    """The exchange does not say what it lists, and the plan needs it: nothing is read before."""
    _log.warning("waiting_for_exchange_info", cause=cause, retry_s=round(retry_s, 1))


def plan_changed(reason: str, config: str, connections: int, **streams: int) -> None:
    """Another plan runs from now on; `config` is the hash of the file it follows."""
    _log.info("plan_changed", reason=reason, config=config, connections=connections, **streams)


def plan_warning(text: str) -> None:
    """Something in the plan that a user should look at; said again only where it may heal."""
    _log.warning("plan_warning", text=text)


def config_refused(reason: str, cause: str) -> None:
    """A changed config or what the exchange lists now makes no plan: the old one goes on."""
    _log.error("config_refused", reason=reason, cause=cause)


def config_file_gone(file: str) -> None:
    """The config file cannot be read any more: the plan that runs goes on; said once."""
    _log.warning("config_file_gone", file=file, effect="the plan that runs goes on")


def config_file_back(file: str) -> None:
    """The config file can be read again."""
    _log.info("config_file_back", file=file)


def plan_change_failed(reason: str, cause: str, retry_s: float) -> None:
    """A change could not be carried out for now; the old plan goes on until it can."""
    _log.warning("plan_change_failed", reason=reason, cause=cause, retry_s=round(retry_s, 1))


def replanning_failed(reason: str, error: BaseException) -> None:
    """A bug while planning again; the old plan goes on."""
    _log.error("replanning_failed", reason=reason, exc_info=error)


def restart_needed(keys: list[str]) -> None:
    """The config file has other values for these keys: they count from the next start on."""
    _log.warning("restart_needed", keys=keys)


def topics_created(names: list[str]) -> None:
    """Topics that were missing have been made."""
    _log.info("topics_created", topics=names)


def connected(connection: str, streams: int, seconds: float) -> None:
    """A connection is open and its subscriptions are acknowledged."""
    _log.info("connected", connection=connection, streams=streams, seconds=round(seconds, 3))


def connect_failed(connection: str, cause: str, retry_s: float) -> None:
    """A connection could not be opened or subscribed."""
    _log.warning("connect_failed", connection=connection, cause=cause, retry_s=round(retry_s, 2))


def connection_lost(connection: str, cause: str, streams: int, retry_s: float) -> None:
    """An open connection ended: its streams are blind until the next one."""
    _log.warning(
        "connection_lost",
        connection=connection,
        cause=cause,
        streams=streams,
        retry_s=round(retry_s, 2),
    )


def subscription_refused(connection: str, stream: str, code: int | None, text: str) -> None:
    """The exchange takes all of a connection's streams but this one, which is left out."""
    _log.error(
        "subscription_refused",
        connection=connection,
        stream=stream,
        code=code,
        text=text,
        cure="take it out of the subscriptions if the exchange has it no more; "
        "the next connection asks for it again",
    )


def resubscribed(connection: str, joined: int, left: int) -> None:
    """The plan changed: an open connection has taken and given up these many streams."""
    _log.info("resubscribed", connection=connection, joined=joined, left=left)


def resubscribe_failed(connection: str, cause: str, retry_s: float) -> None:
    """A change of an open connection's streams was refused or not answered; asked again."""
    _log.warning(
        "resubscribe_failed", connection=connection, cause=cause, retry_s=round(retry_s, 2)
    )


def handed_over(connection: str, cause: str, seconds: float) -> None:
    """A connection was replaced while it lived: nothing was missed."""
    _log.info("handed_over", connection=connection, cause=cause, seconds=round(seconds, 3))


def time_lost(connection: str, streams: int, seconds: float) -> None:
    """Streams had no connection for this long; what was sent meanwhile is missing."""
    _log.warning("time_lost", connection=connection, streams=streams, seconds=round(seconds, 3))


def server_shutdown(connection: str) -> None:
    """The exchange announced that it will close the connection."""
    _log.info("server_shutdown_announced", connection=connection)


def stream_silent(connection: str, streams: list[str], deadline_s: float) -> None:
    """Periodic streams delivered nothing within their deadline though acknowledged."""
    _log.warning(
        "streams_silent",
        connection=connection,
        streams=streams[:10],
        count=len(streams),
        deadline_s=deadline_s,
    )


def stale_suspected(connection: str, streams: list[str], silence_s: float) -> None:
    """Streams, or all of a connection's, say nothing for longer than usual: to be found out why."""
    _about_silence(_log.info, "stale_suspected", connection, streams, silence_s=silence_s)


def stale_refuted(connection: str, streams: list[str]) -> None:
    """Streams that were suspected have spoken where they were: such silences are usual."""
    _about_silence(_log.info, "stale_refuted", connection, streams)


def stale_confirmed(connection: str, streams: list[str]) -> None:
    """Streams are brought by another connection and not by their own: what was sent is missing."""
    _about_silence(_log.warning, "stale_confirmed", connection, streams)


def stale_healed(connection: str, streams: list[str]) -> None:
    """Streams that were stale have been subscribed anew, and their connection brings them again."""
    _about_silence(_log.info, "stale_healed", connection, streams)


def stream_quiet(connection: str, streams: list[str]) -> None:
    """No connection brings these streams: nothing is done about them until they speak again."""
    _about_silence(_log.info, "stream_quiet", connection, streams)


def task_failed(part: str, error: BaseException) -> None:
    """A bug ended a part of the worker: it stores what it has read, and ends."""
    _log.error("task_failed", part=part, exc_info=error)


def liveness_monitor_failed(connection: str, error: BaseException) -> None:
    """A bug while looking for silence; the connection goes on, and is listened to again later."""
    _log.error("liveness_monitor_failed", connection=connection, exc_info=error)


def _about_silence(
    say: Callable[..., object], event: str, connection: str, streams: list[str], **more: float
) -> None:
    rounded = {name: round(value, 2) for name, value in more.items()}
    say(event, connection=connection, streams=streams[:10], count=len(streams), **rounded)


def supervisor_failed(connection: str, error: BaseException) -> None:
    """A bug in one connection's supervisor; the others go on, this one starts over."""
    _log.error("supervisor_failed", connection=connection, exc_info=error)


def overload_began(queued_bytes: int) -> None:
    """The queue behind the reader is full: frames are dropped until it is half empty."""
    _log.error("overload_began", queued_bytes=queued_bytes)


def overload_ended(dropped: int) -> None:
    """The queue is half empty again; `dropped` counts all frames dropped so far."""
    _log.warning("overload_ended", dropped=dropped)


def dead_lettered(source: str, reason: str, detail: str) -> None:
    """A message could not become a record (a few lines a second; the counter has them all)."""
    if _dead_letters.allows(time.monotonic()):
        _log.warning("dead_lettered", source=source, reason=reason, detail=detail[:300])


def dead_letter_lost(cause: str) -> None:
    """Even the dead letter could not be stored."""
    _log.error("dead_letter_lost", cause=cause)


def delivery_failed(topic: str, cause: str) -> None:
    """Kafka did not take a record, for a reason that is not the record's."""
    _log.error("delivery_failed", topic=topic, cause=cause)


def kafka_trouble(cause: str) -> None:
    """A broker cannot be reached or does not let us in; librdkafka keeps trying."""
    _log.warning("kafka_trouble", cause=cause)


def transaction_again(cause: str) -> None:
    """Kafka gave a transaction up; its records are produced again, in order."""
    if _transactions.allows(time.monotonic()):
        _log.warning("transaction_again", cause=cause)


def transactions_lost(numbers: list[int]) -> None:
    """Kafka had said that these are stored, and they are not: they are produced again."""
    _log.error("transactions_lost", numbers=numbers)


def fenced(cause: str) -> None:
    """A newer writer has taken over; this one writes nothing any more and waits for SIGTERM."""
    _log.warning("fenced", cause=cause)


def latest_id_unavailable(stream: str, symbol: str, cause: str) -> None:
    """REST did not say what a stream in doubt has come to: what it brings, or not, stays as is."""
    _log.warning("latest_id_unavailable", stream=stream, symbol=symbol, cause=cause)


def stale_confirmed_by_rest(stream: str, symbol: str, last: int | None, newest: int) -> None:
    """Two connections bring nothing of a stream, and REST has newer events: marked as missing."""
    _log.warning(
        "stale_confirmed_by_rest", stream=stream, symbol=symbol, last_id=last, rest_has=newest
    )


def takeover_completed(series: int, run: str) -> None:
    """The writer before is fenced; `series` is how many it has left progress of."""
    _log.info("takeover_completed", series=series, run=run)


def progress_unreadable(key: str, cause: str) -> None:
    """A record of the progress topic is none of ours: that series begins anew."""
    _log.warning("progress_unreadable", key=key, cause=cause)


def gave_up(cause: str) -> None:
    """The process ends because it cannot do its job."""
    _log.critical("gave_up", cause=cause)


@functools.cache
def librdkafka_logger() -> logging.Logger:
    """Return the logger librdkafka writes to: errors only, the rest comes through error_cb."""
    logger = logging.getLogger("librdkafka")
    logger.setLevel(logging.CRITICAL)
    return logger


def rest_waits(pool: str, used: int, limit: int, seconds: float) -> None:
    """Calls of a pool wait for the next window: its weight is used up."""
    _log.info("rest_waits", pool=pool, used=used, limit=limit, seconds=round(seconds, 1))


def rest_refused(pool: str, status: int, seconds: float) -> None:
    """The exchange tells us to stay away (429, 418, 403): the pool sends nothing meanwhile."""
    _log.warning("rest_refused", pool=pool, status=status, seconds=round(seconds, 1))


def gap_settled(
    gap_id: str, stream: str, symbol: str, state: str, *, missing: int, recovered: int, detail: str
) -> None:
    """Everything REST had of a gap is written: filled, partial or unfillable."""
    say = _log.info if state == "filled" else _log.warning
    say(
        "gap_settled",
        gap_id=gap_id,
        stream=stream,
        symbol=symbol,
        state=state,
        missing=missing,
        recovered=recovered,
        detail=detail,
    )


def backfill_waits(product: str, cause: str, seconds: float) -> None:
    """A call for missing events did not go through; it is made again after a while."""
    _log.warning("backfill_waits", product=product, cause=cause, seconds=round(seconds, 1))


def book_refused(stream: str, symbol: str, cause: str) -> None:
    """The state of a book cannot be had: its changes go on without one."""
    _log.warning("book_refused", stream=stream, symbol=symbol, cause=cause)
