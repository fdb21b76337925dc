"""The log: one function for each event, whose docstring says when it is logged.

In normal operation only start, stop and changes of the plan are logged; all else is trouble. What
happens often is counted (telemetry/ledger.py), not logged.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

import structlog

from connector.continuity.gap_account import FETCHING, GapReport
from connector.rate_limit import Sampler

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger("bkc")
_dead_letters = Sampler(5)  # lines a second
_transactions = Sampler(1)
STARTING = "starting"  # telemetry/logs.py makes a block of it
MAX_NAMES = 10  # stream names in one line; `count` says how many there are

# Start, plan and stop


def starting(version: str, facts: Mapping[str, str | list[str]]) -> None:
    """A worker starts; `facts` say which file, exchange, hosts, cluster, registry and topics.

    A readable block on the console, one event in JSON.
    """
    _log.info(STARTING, version=version, **facts)


def started(streams: int, connections: int, topics: int, version: str) -> None:
    """The first plan is applied: the connections are opened next."""
    _log.info("started", version=version, streams=streams, connections=connections, topics=topics)


def stopping(timeout_s: float) -> None:
    """A signal ends the run: nothing more is read, what was read is stored within `timeout_s`."""
    _log.info("stopping", timeout_s=timeout_s, hint="a second signal ends at once")


def stop_hurried() -> None:
    """A second signal came: the worker ends without waiting for Kafka; `stopped` has what is left.

    The next start fetches what can be fetched, and marks the rest as missing.
    """
    _log.warning("stop_hurried")


def stopped(left: int, seconds: float, **counts: int) -> None:
    """The worker has flushed what it could and ends after running for `seconds`.

    left: records that could not be stored, and frames not handled; above 0 it is an error.
    """
    level = _log.info if left == 0 else _log.error
    level("stopped", left=left, seconds=round(seconds, 2), **counts)


def gave_up(cause: str, bug: BaseException | None = None) -> None:
    """The process ends with an error; `cause` says what to do about it.

    bug: the error, where it is one of the program: its traceback is logged.
    """
    _log.critical("gave_up", cause=cause, **({} if bug is None else {"exc_info": bug}))


def task_failed(part: str, error: BaseException) -> None:
    """A bug ended a part of the worker: the worker stores what it has read, and ends."""
    _log.error("task_failed", part=part, exc_info=error)


def start_waits(step: str, seconds: float, cause: str) -> None:
    """A step of the start has waited for `seconds`; it goes on waiting. /readyz names it too.

    step: one of START_STEPS in worker/market.py.
    """
    hint = "`bkc doctor` looks at all that a worker depends on, and names each cure"
    _log.warning("start_waits", step=step, seconds=round(seconds, 1), cause=cause, hint=hint)


def compatibility_not_set(subject: str, cause: str) -> None:
    """The registry refused to set FULL_TRANSITIVE for a subject; its own rule applies."""
    _log.warning("compatibility_not_set", subject=subject, cause=cause)


def topics_missing(topics: Mapping[str, str]) -> None:
    """Topics that the worker writes to do not exist any more; each with why it stays so.

    Their records are left out and marked as missing until they exist again; none: all do again.
    """
    level = _log.error if topics else _log.info
    level("topics_missing", topics=dict(topics))


def topics_created(names: list[str]) -> None:
    """Missing topics have been created."""
    _log.info("topics_created", topics=names)


def topic_warning(text: str) -> None:
    """A topic promises less than the connector needs; `text` has setting, effect and cure."""
    _log.warning("topic_warning", text=text)


def succession_step(step: str, why: str) -> None:
    """What a process does that is not the writer: `wait`, `claim` or `take over`."""
    _log.info("succession_step", step=step, why=why)


def taking_over(why: str) -> None:
    """This process becomes the writer now: it fences the previous one."""
    _log.info("taking_over", why=why)


def takeover_completed(series: int, run: str) -> None:
    """The previous writer is fenced, and its checkpoint, with progress of `series`, is read."""
    _log.info("takeover_completed", series=series, run=run)


def foreign_record(place: str, cause: str) -> None:
    """A record of a topic of ours cannot be read and has no key of ours: it is passed over."""
    _log.warning("foreign_record", place=place, cause=cause)


def gap_markers_lost(gap_ids: list[str]) -> None:
    """Gaps were being filled, and the markers topic has no marker of them: nobody fills them."""
    _log.error("gap_markers_lost", gap_ids=gap_ids[:MAX_NAMES], count=len(gap_ids))


def series_retired(series: int, gaps: int) -> None:
    """Series of the previous writer have left the plan: what was open of them is settled."""
    _log.info("series_retired", series=series, open_gaps=gaps)


def series_not_retired(name: str, cause: str) -> None:
    """A series of the previous writer is of a stream that nobody knows: its progress stays."""
    _log.warning("series_not_retired", series=name, cause=cause)


# Changes of the plan. `reason` is the trigger: file, signal, refresh, news or names.


def plan_changed(reason: str, config: str, connections: int, **streams: int) -> None:
    """Another plan is applied, that of the config file with this hash.

    streams: added, removed, moved to another connection, rerouted to another topic.
    """
    _log.info("plan_changed", reason=reason, config=config, connections=connections, **streams)


def plan_warning(text: str) -> None:
    """A warning about the plan; once while it holds, hourly for a name that is not listed."""
    _log.warning("plan_warning", text=text)


def row_left_out(text: str) -> None:
    """A row of exchangeInfo or of the tickers cannot be read; `text` names symbol and key.

    The other rows are used. A symbol that runs keeps its streams.
    """
    _log.warning("row_left_out", text=text)


def config_refused(reason: str, cause: str) -> None:
    """The changed config file, or what the exchange lists now, makes no plan; the old one stays."""
    _log.error("config_refused", reason=reason, cause=cause)


def config_file_gone(file: str) -> None:
    """The config file cannot be read any more; logged once until it is back."""
    _log.warning("config_file_gone", file=file, effect="the plan that runs goes on")


def config_file_back(file: str) -> None:
    """The config file can be read again."""
    _log.info("config_file_back", file=file)


def restart_needed(keys: list[str]) -> None:
    """The config file has new values for these keys; they take effect at the next start."""
    _log.warning("restart_needed", keys=keys)


def plan_change_failed(reason: str, cause: str, retry_s: float) -> None:
    """A change of the plan failed for now; the old plan stays, the next try is in `retry_s`."""
    _log.warning("plan_change_failed", reason=reason, cause=cause, retry_s=round(retry_s, 1))


def replanning_failed(reason: str, error: BaseException) -> None:
    """A bug while a new plan was made; the old plan stays."""
    _log.error("replanning_failed", reason=reason, exc_info=error)


# Connections. `connection` is the name in the plan: usdm-market-1, with replicas -1a and -1b.


def connected(connection: str, streams: int, seconds: float) -> None:
    """A connection is open, its subscriptions acknowledged `seconds` after the attempt began."""
    _log.info("connected", connection=connection, streams=streams, seconds=round(seconds, 3))


def connect_failed(connection: str, cause: str, retry_s: float) -> None:
    """A connection could not be opened or subscribed; the next attempt is in `retry_s`."""
    _log.warning("connect_failed", connection=connection, cause=cause, retry_s=round(retry_s, 2))


def connection_lost(connection: str, cause: str, streams: int, retry_s: float) -> None:
    """An open connection ended; its streams are not received until the next one, in `retry_s`."""
    retry_s = round(retry_s, 2)
    _log.warning(
        "connection_lost", connection=connection, cause=cause, streams=streams, retry_s=retry_s
    )


def supervisor_failed(connection: str, error: BaseException) -> None:
    """A bug in one connection's supervisor: it starts over, the other connections go on."""
    _log.error("supervisor_failed", connection=connection, exc_info=error)


def handed_over(connection: str, cause: str, seconds: float) -> None:
    """A connection was replaced while it was open, within `seconds`; nothing is missing."""
    _log.info("handed_over", connection=connection, cause=cause, seconds=round(seconds, 3))


def time_lost(connection: str, streams: int, seconds: float) -> None:
    """Streams had no connection for `seconds`; what the exchange sent meanwhile is missing."""
    _log.warning("time_lost", connection=connection, streams=streams, seconds=round(seconds, 3))


# The WS API


def ws_api_connected(place: str, offset_ms: int, seconds: float) -> None:
    """A connection to the WS API is open, logged on and subscribed again as before.

    offset_ms: how much the exchange's clock is ahead of ours, as measured.
    """
    _log.info("ws_api_connected", place=place, offset_ms=offset_ms, seconds=round(seconds, 3))


def ws_api_lost(place: str, cause: str) -> None:
    """A connection to the WS API has ended; events are missed until the next one."""
    _log.warning("ws_api_lost", place=place, cause=cause)


def ws_api_connect_failed(place: str, cause: str, retry_s: float) -> None:
    """The WS API could not be reached or logged on to; the next attempt is in `retry_s`."""
    _log.warning("ws_api_connect_failed", place=place, cause=cause, retry_s=round(retry_s, 2))


def ws_api_refused(place: str, cause: str) -> None:
    """The WS API refuses us for good (a key was rejected): it is not tried again."""
    _log.error("ws_api_refused", place=place, cause=cause)


def server_shutdown(connection: str) -> None:
    """The exchange announced that it will close the connection."""
    _log.info("server_shutdown_announced", connection=connection)


def subscription_refused(connection: str, stream: str, code: int | None, text: str) -> None:
    """The exchange refused one stream, with its `code` and `text`; the others are subscribed."""
    again = "the next connection asks for it again"
    cure = f"take it out of the subscriptions if the exchange has it no more; {again}"
    fields = {"connection": connection, "stream": stream, "code": code, "text": text}
    _log.error("subscription_refused", **fields, cure=cure)


def resubscribed(connection: str, joined: int, left: int) -> None:
    """A new plan subscribed `joined` and unsubscribed `left` streams on an open connection."""
    _log.info("resubscribed", connection=connection, joined=joined, left=left)


def resubscribe_failed(connection: str, cause: str, retry_s: float) -> None:
    """A change of an open connection's subscriptions failed; the next try is in `retry_s`."""
    retry_s = round(retry_s, 2)
    _log.warning("resubscribe_failed", connection=connection, cause=cause, retry_s=retry_s)


# Silence. A line names at most MAX_NAMES streams.


def stream_silent(connection: str, streams: list[str], deadline_s: float) -> None:
    """Streams delivered nothing within `deadline_s` after they were acknowledged."""
    _silence(_log.warning, "streams_silent", connection, streams, deadline_s=deadline_s)


def stale_suspected(connection: str, streams: list[str], silence_s: float) -> None:
    """Streams have delivered nothing for longer than usual; a probe connection checks them."""
    _silence(_log.info, "stale_suspected", connection, streams, silence_s=silence_s)


def stale_refuted(connection: str, streams: list[str]) -> None:
    """Suspected streams delivered on their own connection: such a silence is usual."""
    _silence(_log.info, "stale_refuted", connection, streams)


def stale_confirmed(connection: str, streams: list[str]) -> None:
    """The probe connection delivers these streams and their own does not: events are missing."""
    _silence(_log.warning, "stale_confirmed", connection, streams)


def stale_healed(connection: str, streams: list[str]) -> None:
    """Stale streams were subscribed anew, and their own connection delivers them again."""
    _silence(_log.info, "stale_healed", connection, streams)


def stream_quiet(connection: str, streams: list[str]) -> None:
    """No connection delivers these streams; nothing is done until one does."""
    _silence(_log.info, "stream_quiet", connection, streams)


def _silence(
    level: Callable[..., object], event: str, connection: str, streams: list[str], **seconds: float
) -> None:
    rounded = {name: round(value, 2) for name, value in seconds.items()}
    names, count = streams[:MAX_NAMES], len(streams)
    level(event, connection=connection, streams=names, count=count, **rounded)


def liveness_monitor_failed(connection: str, error: BaseException) -> None:
    """A bug in a connection's liveness monitor; the connection goes on, the monitor starts over."""
    _log.error("liveness_monitor_failed", connection=connection, exc_info=error)


def latest_id_unavailable(stream: str, symbol: str, cause: str) -> None:
    """REST did not give the newest id of a quiet stream; the stream stays as it is."""
    _log.warning("latest_id_unavailable", stream=stream, symbol=symbol, cause=cause)


def stale_confirmed_by_rest(stream: str, symbol: str, last: int | None, newest: int) -> None:
    """No connection delivers a stream, but REST has events up to id `newest`: marked as missing.

    last: id of the last event received; None: none was.
    """
    ids = {"last_id": last, "rest_has": newest}
    _log.warning("stale_confirmed_by_rest", stream=stream, symbol=symbol, **ids)


# Frames and records


def overload_began(queued_bytes: int) -> None:
    """The frame queue is full: frames are dropped until it is half empty."""
    _log.error("overload_began", queued_bytes=queued_bytes)


def overload_ended(dropped: int) -> None:
    """The frame queue is half empty again; `dropped` counts all frames dropped since the start."""
    _log.warning("overload_ended", dropped=dropped)


def dead_lettered(source: str, reason: str, detail: str) -> None:
    """A message of a stream went to the dead letter, or a record that Kafka refused for a topic.

    Five lines a second; the counter has them all. docs/delivery.md explains the reasons.
    """
    if _dead_letters.allows(time.monotonic()):
        _log.warning("dead_lettered", source=source, reason=reason, detail=detail[:300])


def dead_letter_lost(cause: str) -> None:
    """A record of the dead-letter topic could not be stored: its message is in no topic."""
    _log.error("dead_letter_lost", cause=cause)


def checkpoint_lost(topic: str, cause: str) -> None:
    """Kafka refused a marker or a progress record: what it says is in no topic."""
    _log.error("checkpoint_lost", topic=topic, cause=cause)


def delivery_failed(topic: str, cause: str) -> None:
    """Kafka did not store a record, for a reason that is not the record's own."""
    _log.error("delivery_failed", topic=topic, cause=cause)


def kafka_trouble(cause: str, seconds: float = 0.0) -> None:
    """Kafka stores nothing, since `seconds`: not reached, no login, no answer, or no such topic.

    Each cause once a minute, until `kafka_recovered`.
    """
    _log.warning("kafka_trouble", cause=cause, seconds=round(seconds, 1))


def kafka_recovered(seconds: float) -> None:
    """Kafka stores records again, after trouble of `seconds`."""
    _log.info("kafka_recovered", seconds=round(seconds, 1))


def transaction_again(cause: str) -> None:
    """A transaction was aborted; its records are produced again, in order. One line a second."""
    if _transactions.allows(time.monotonic()):
        _log.warning("transaction_again", cause=cause)


def batches_limited(max_bytes: int) -> None:
    """A topic refused a batch of records that it takes one by one: batches are smaller from now on.

    Each start finds this out anew, within some seconds.
    """
    cure = "raise max.message.bytes of the topic, or set kafka.librdkafka: {batch.size: ...}"
    _log.warning("batches_limited", max_bytes=max_bytes, cure=cure)


def transactions_lost(numbers: list[int]) -> None:
    """Transactions that Kafka had acknowledged are not stored: they are produced again."""
    _log.error("transactions_lost", numbers=numbers)


def fenced(cause: str) -> None:
    """A newer writer has taken over: this one writes no more, and waits for SIGTERM."""
    _log.warning("fenced", cause=cause)


# REST and backfill


def rest_waits(pool: str, used: int, limit: int, seconds: float) -> None:
    """Calls of a pool (spot, futures, options) wait `seconds` for weight.

    used: by the IP address in this minute; limit: what we may use in a minute.
    """
    _log.info("rest_waits", pool=pool, used=used, limit=limit, seconds=round(seconds, 1))


def rest_refused(pool: str, status: int, seconds: float) -> None:
    """The exchange answered 429, 418 or 403: the pool sends no call for `seconds`."""
    _log.warning("rest_refused", pool=pool, status=status, seconds=round(seconds, 1))


def gap_settled(
    gap_id: str, stream: str, symbol: str, state: str, *, missing: int, recovered: int, detail: str
) -> None:
    """All that REST has of a gap is written: `recovered` of `missing` events.

    state: filled, partial or unfillable; detail: why it is not filled.
    """
    level = _log.info if state == "filled" else _log.warning
    gap = {"gap_id": gap_id, "stream": stream, "symbol": symbol, "state": state}
    level("gap_settled", **gap, missing=missing, recovered=recovered, detail=detail)


def gaps_found(since: str, report: GapReport) -> None:
    """What was found missing, and what becomes of it; one line for all series.

    since: restart (the first seconds, after which it is known what was missed while no worker ran),
    start (the same, nothing was stored before) or minute (only if something happened in it).
    missing: events; of spot order books update ids, which are more. uncounted: gaps of which nobody
    can know how many events are missing. becomes: text -> gaps of which it is true.
    """
    lost = any(text not in {FETCHING, "filled"} for text in report.becomes)
    level = _log.warning if lost or report.missing or report.uncounted else _log.info
    level("gaps_found", since=since, **asdict(report))


def backfill_waits(product: str, cause: str, seconds: float) -> None:
    """A REST call for missing events failed; it is made again in `seconds`."""
    _log.warning("backfill_waits", product=product, cause=cause, seconds=round(seconds, 1))


def clock_differs(product: str, seconds: float) -> None:
    """The exchange's clock is ahead of this machine's by `seconds` (below 0: behind).

    Record times are the exchange's; lags are wrong by so much. Check this machine's clock.
    """
    _log.warning("clock_differs", product=product, seconds=round(seconds, 3))


def clock_not_measured(product: str, cause: str) -> None:
    """REST did not tell the exchange's time; the offset measured before counts on."""
    _log.warning("clock_not_measured", product=product, cause=cause)


def book_refused(stream: str, symbol: str, cause: str) -> None:
    """The snapshot of an order book cannot be had: its topic has changes without a snapshot."""
    _log.warning("book_refused", stream=stream, symbol=symbol, cause=cause)


def book_too_large(stream: str, symbol: str, refused: int, asked: int | None) -> None:
    """Kafka refused a book with `refused` levels a side; `asked` are asked for from now on.

    asked: None: no smaller book can be had, so the topic gets no snapshots of it.
    """
    cure = "raise max.message.bytes of the topic to get more levels"
    levels = {"refused_levels": refused, "asked_levels": asked}
    _log.warning("book_too_large", stream=stream, symbol=symbol, **levels, cure=cure)


def book_late(stream: str, symbol: str, seconds: float, cause: str) -> None:
    """REST gives no book that joins the stream's changes, for so long; it is asked again."""
    waited = round(seconds, 1)
    _log.warning("book_late", stream=stream, symbol=symbol, seconds=waited, cause=cause)


def book_joined(stream: str, symbol: str, seconds: float) -> None:
    """A book that was late is written; it joins the stream's changes."""
    _log.info("book_joined", stream=stream, symbol=symbol, seconds=round(seconds, 1))


# Accounts. `account` is the alias, never an id or a key.


def account_kafka_insecure(problems: list[str]) -> None:
    """The config allows a Kafka that is not encrypted and authenticated: at each start."""
    _log.warning("account_kafka_insecure", problems=problems, setting="allow_insecure_kafka")


def account_interrupted(account: str, product: str, reason: str, detail: str) -> None:
    """Events of an account are missed from now on; the account is reconciled when it is back."""
    _log.warning(
        "account_interrupted", account=account, product=product, reason=reason, detail=detail
    )


def account_refused(account: str, product: str, cause: str) -> None:
    """The exchange refuses an account; it is tried again when its key files change."""
    _log.error("account_refused", account=account, product=product, cause=cause)


def account_reconciled(
    account: str,
    product: str,
    state: str,
    seconds: float,
    gap_id: str | None,
    detail: str,
    counts: Mapping[str, int],
) -> None:
    """An account was asked and the answers are being written; partial: `detail` is not known."""
    level = _log.warning if detail else _log.info
    level(
        "account_reconciled",
        account=account,
        product=product,
        state=state,
        seconds=round(seconds, 3),
        gap_id=gap_id,
        detail=detail or None,
        **counts,
    )


def account_query_waits(account: str, product: str, cause: str, seconds: float) -> None:
    """The exchange takes no calls now: the reconciliation goes on after so many seconds."""
    _log.warning(
        "account_query_waits",
        account=account,
        product=product,
        cause=cause,
        seconds=round(seconds, 1),
    )


def account_overload(account: str, held_bytes: int) -> None:
    """More events wait than `hold` allows: they are dropped, and the account is reconciled."""
    _log.error("account_overload", account=account, held_bytes=held_bytes)


def account_event_unknown(product: str, event_type: str) -> None:
    """The first event of a type without a layout; such events are kept whole, and counted."""
    _log.warning("account_event_unknown", product=product, event_type=event_type)


def account_worker_started(accounts: int, subscriptions: int, version: str) -> None:
    """The worker is the writer; the accounts are subscribed next."""
    _log.info("started", version=version, accounts=accounts, subscriptions=subscriptions)


def account_symbols_unknown(cause: str) -> None:
    """The assets of spot symbols are not known: trades in a break on a new symbol stay unknown."""
    _log.warning("account_symbols_unknown", cause=cause)


def account_connected(account: str, product: str, place: str, seconds: float) -> None:
    """A connection to the stream of an account is open, and its listenKey alive."""
    fields = {"account": account, "product": product, "place": place}
    _log.info("account_connected", **fields, seconds=round(seconds, 3))


def account_not_connected(account: str, product: str, cause: str, retry_s: float) -> None:
    """The events of an account could not be subscribed; the next attempt is in `retry_s`."""
    fields = {"account": account, "product": product, "cause": cause}
    _log.warning("account_not_connected", **fields, retry_s=round(retry_s, 2))


def account_path_mute(account: str, product: str, form: str, next_form: str) -> None:
    """The exchange says that the account has changed, and no event came; a new path is opened.

    form, next_form: URL forms of a listenKey stream; "" elsewhere.
    """
    fields = {"account": account, "product": product}
    _log.warning("account_path_mute", **fields, form=form or None, next_form=next_form or None)


def account_not_compared(account: str, product: str, cause: str) -> None:
    """The exchange did not say what of an account has changed: its path is not proved by it."""
    _log.warning("account_not_compared", account=account, product=product, cause=cause)


def account_key_not_extended(account: str, product: str, cause: str, retry_s: float) -> None:
    """A listenKey could not be extended, or a listenToken not renewed; it still lives."""
    fields = {"account": account, "product": product, "cause": cause}
    _log.warning("account_key_not_extended", **fields, retry_s=round(retry_s, 2))


def account_connection_stale(account: str, product: str, cause: str) -> None:
    """A connection to the WS API cannot deliver an account any more: another one replaces it."""
    _log.warning("account_connection_stale", account=account, product=product, cause=cause)
