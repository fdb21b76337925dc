"""One run: fresh processes, warm-up, a measured window, figures. Compares nothing (report.py)."""

import contextlib
import json
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.certificates import Certificates
from bench.frames import Load
from bench.ours import Addresses, Connector, percentile_ms
from bench.processes import Child, Trouble, pause

SUBJECTS = ("ours", "websockets", "picows")
DELIVERIES = {"ours": "idempotent", "exactly-once": "exactly_once"}  # subjects that are ours
GENERATOR_LIMIT = 0.8  # of a core; a run in which the generator used more is void
FLOW_S = 30.0  # how long the first acknowledgement may take
RSS_EVERY_S = 0.25
OWN_TOPICS = {"binance.dead-letter", "binance.markers", "binance.progress"}


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runs share: the folder of their files, the rendered loads, the certificates."""

    folder: Path
    loads: dict[str, Load]
    certificates: Certificates

    @classmethod
    def prepare(cls, folder: Path, loads: dict[str, Load], certificates: Certificates) -> "Bench":
        """Write the loads where the generator finds them."""
        for name, load in loads.items():
            (folder / f"{name}.pickle").write_bytes(pickle.dumps(load))
        return cls(folder, loads, certificates)


@dataclass(frozen=True, slots=True)
class Case:
    """What one run is about."""

    subject: str
    load: str
    tls: bool
    rate: float | None = None  # None: the load's own
    hold: str | None = None  # None: the connector's default
    real_kafka: bool = False
    clump_ms: float = 0.0  # writes wait for the next multiple of this; 0: each at its own time


@dataclass(slots=True)
class Figures:
    """What one run gave.

    Attributes:
        cpu_us: CPU microseconds of all threads per acknowledged message.
        acked_per_s: Acknowledged messages a second.
        p50_ms: Median from socket to acknowledgement.
        p99_ms: 99th percentile of the same.
        rss_mb: Largest resident memory in the window.
        sent_per_s: Frames sent a second.
        behind: Frames sent too late or not at all, because the subject did not read.
        dropped: Frames the subject dropped or cannot account for, and records it did not store.
        backlog: Growth, over the window, of frames sent and not acknowledged.
        generator: Share of a core the generator used.
        pause_p99_ms: 99th percentile of what a commit held publishing up.
    """

    cpu_us: float
    acked_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    rss_mb: float
    sent_per_s: float
    behind: int
    dropped: int
    backlog: int
    generator: float
    pause_p99_ms: float | None = None

    @property
    def void(self) -> bool:
        """Whether the generator was too busy for the run to say anything."""
        return self.generator > GENERATOR_LIMIT

    @property
    def held(self) -> bool:
        """Whether the subject kept up: nothing dropped, nothing behind, no growing backlog."""
        return not (self.behind or self.dropped) and self.backlog < 0.2 * self.sent_per_s


class Floor(Child):
    """One of the two floors, running."""

    def __init__(
        self, subject: str, load: Load, addresses: Addresses, environment: dict[str, str]
    ) -> None:
        connections = [
            [f"{addresses.exchange}{path}", [[s.product, s.path, s.name, s.kind] for s in streams]]
            for path, streams in load.paths.items()
        ]
        plan = {"bootstrap": addresses.bootstrap, "connections": connections}
        super().__init__(
            f"bench.floor_{subject}", json.dumps(plan), environment=environment, speaks=False
        )

    def mark(self) -> dict[str, Any]:
        """Return its counts, and the latencies sampled since the last time."""
        return {"dropped": 0, **self.ask()}


@dataclass(slots=True)
class Running:
    """The processes of a run."""

    generator: Child
    broker: Child
    subject: Connector | Floor
    marks: list[dict[str, Any]] = field(default_factory=list)


@contextlib.contextmanager
def running(bench: Bench, case: Case) -> Iterator[Running]:
    """Start everything a run needs; end all of it whatever happens.

    Raises:
        Trouble: the subject does not get going.
    """
    load, files = bench.loads[case.load], bench.certificates
    arguments = [str(bench.folder / f"{case.load}.pickle")]
    arguments += ["--rate", str(case.rate)] if case.rate else []
    arguments += ["--clump-ms", str(case.clump_ms)]
    trust: dict[str, str] = {}
    if case.tls:
        arguments += ["--certificate", str(files.certificate), "--key", str(files.key)]
        trust["SSL_CERT_FILE"] = str(files.authority)
    topics = sorted({stream.topic for stream in load.streams} | OWN_TOPICS)
    kind = ["--real"] if case.real_kafka else []
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(Child("bench.broker", *kind, *topics, gently=case.real_kafka))
        generator = stack.enter_context(Child("bench.load", *arguments))
        registry = stack.enter_context(Child("bench.registry"))
        exchange = f"{'wss' if case.tls else 'ws'}://127.0.0.1:{generator.first['port']}"
        addresses = Addresses(exchange, broker.first["bootstrap"], registry.first["url"])
        subject: Connector | Floor
        if case.subject in DELIVERIES:
            delivery = DELIVERIES[case.subject]
            subject = Connector(bench.folder, load, addresses, trust, case.hold, delivery)
        else:
            subject = Floor(case.subject, load, addresses, trust)
        stack.enter_context(subject)
        wait_for_flow(subject)
        yield Running(generator, broker, subject)


def wait_for_flow(subject: Connector | Floor) -> None:
    """Wait until the subject has had something acknowledged.

    Raises:
        Trouble: it ended, or nothing came.
    """
    deadline = time.monotonic() + FLOW_S
    while time.monotonic() < deadline and subject.alive():
        with contextlib.suppress(OSError):  # its server is not up yet
            if subject.mark()["acknowledged"]:
                return
        pause(0.1)
    raise Trouble(f"nothing acknowledged: {subject.last_words()}")


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything read at one moment."""

    at: float
    cpu_s: float
    subject: dict[str, Any]
    generator: dict[str, Any]

    @classmethod
    def now(cls, run: Running) -> "Moment":
        """Read it."""
        cpu_s = run.subject.cpu_s()
        at = time.monotonic()
        return cls(at, cpu_s, run.subject.mark(), run.generator.ask())


def measure(bench: Bench, case: Case, warm_s: float, seconds: float) -> Figures:
    """Run one case and return its figures.

    Raises:
        Trouble: a process failed.
    """
    with running(bench, case) as run:
        pause(warm_s)
        before = Moment.now(run)
        rss = run.subject.rss_mb()
        while (left := before.at + seconds - time.monotonic()) > 0:
            pause(min(left, RSS_EVERY_S))
            rss = max(rss, run.subject.rss_mb())
        after = Moment.now(run)
    return _figures(before, after, rss)


def _figures(before: Moment, after: Moment, rss_mb: float) -> Figures:
    seconds = after.at - before.at

    def grown(where: str, what: str) -> float:
        return float(getattr(after, where)[what] - getattr(before, where)[what])

    acked, sent = grown("subject", "acknowledged"), grown("generator", "sent")
    if not acked:
        raise Trouble("nothing was acknowledged in the window")
    p50_ms, p99_ms = _latency(before.subject, after.subject)
    return Figures(
        cpu_us=1e6 * (after.cpu_s - before.cpu_s) / acked,
        acked_per_s=acked / seconds,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        rss_mb=rss_mb,
        sent_per_s=sent / seconds,
        behind=int(grown("generator", "late") + grown("generator", "skipped")),
        dropped=int(
            grown("subject", "dropped")
            + grown("subject", "failed")
            + abs(after.subject.get("unaccounted", 0))
        ),
        backlog=int(sent - acked),
        generator=grown("generator", "cpu_s") / seconds,
        pause_p99_ms=_pause(before.subject, after.subject),
    )


def _pause(before: dict[str, Any], after: dict[str, Any]) -> float | None:
    if not after.get("pauses"):
        return None
    return percentile_ms(before["pauses"], after["pauses"], 0.99)


def _latency(before: dict[str, Any], after: dict[str, Any]) -> tuple[float | None, float | None]:
    if "buckets" in after:
        one, two = (percentile_ms(before["buckets"], after["buckets"], s) for s in (0.5, 0.99))
        return one, two
    samples = after["samples_us"]
    if len(samples) < 2:
        return None, None
    cuts = quantiles(samples, n=100)
    return cuts[49] / 1000, cuts[98] / 1000
