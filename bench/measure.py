"""One run: new processes, warm-up, a measured window, figures."""

import contextlib
import json
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.connector_subject import Addresses, Connector, percentile_ms
from bench.figures import CONNECTORS, Case, Figures
from bench.frames import Load
from bench.processes import Child, ProcessFailed, pause
from connector.codec.schema import DEAD_LETTER, own_topics
from connector.lab.certificates import CertificateFiles

FIRST_ACK_S = 30.0  # a subject without an acknowledgement by then has failed
RSS_INTERVAL_S = 0.25
OWN_TOPICS = {f"binance.{DEAD_LETTER}", *own_topics("binance")}


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runs share: folder of files, loads by name, certificate of the generator."""

    folder: Path
    loads: dict[str, Load]
    certificate: CertificateFiles

    @classmethod
    def prepare(
        cls, folder: Path, loads: dict[str, Load], certificate: CertificateFiles
    ) -> "Bench":
        """Write the loads into the folder, for the generator's process."""
        for name, load in loads.items():
            (folder / f"{name}.pickle").write_bytes(pickle.dumps(load))
        return cls(folder, loads, certificate)


class Floor(Child):
    """The process of a floor."""

    def __init__(
        self, subject: str, load: Load, addresses: Addresses, environment: dict[str, str]
    ) -> None:
        connections = [
            [f"{addresses.exchange}{path}", [[s.product, s.path, s.name, s.kind] for s in streams]]
            for path, streams in load.paths.items()
        ]
        plan = {"bootstrap": addresses.bootstrap, "connections": connections}
        super().__init__(
            f"bench.floor_{subject}", json.dumps(plan), environment=environment, announces=False
        )

    def counts(self) -> dict[str, Any]:
        """Return the counts, and the latencies sampled since the last call."""
        return {"dropped": 0, "gaps": 0, **self.ask()}


@dataclass(slots=True)
class Processes:
    """The processes of a run."""

    generator: Child
    broker: Child
    subject: Connector | Floor


@contextlib.contextmanager
def running(bench: Bench, case: Case) -> Iterator[Processes]:
    """Start the processes of a run; stop all of them at the end, whatever happens.

    Raises:
        ProcessFailed: a process does not start, or the subject writes nothing.
    """
    load = bench.loads[case.load]
    topics = sorted({stream.topic for stream in load.streams} | OWN_TOPICS)
    kind = ["--real"] if case.real_kafka else []
    trust = {"SSL_CERT_FILE": str(bench.certificate.authority)} if case.tls else {}
    with contextlib.ExitStack() as stack:
        broker = Child("bench.broker", *kind, *topics, has_children=case.real_kafka)
        stack.enter_context(broker)
        generator = stack.enter_context(Child("bench.load", *_load_arguments(bench, case)))
        registry = stack.enter_context(Child("bench.registry"))
        exchange = f"{'wss' if case.tls else 'ws'}://127.0.0.1:{generator.first['port']}"
        addresses = Addresses(exchange, broker.first["bootstrap"], registry.first["url"])
        subject: Connector | Floor
        if case.subject in CONNECTORS:
            delivery, native = CONNECTORS[case.subject]
            subject = Connector(bench.folder, load, addresses, trust, case.hold, delivery, native)
        else:
            subject = Floor(case.subject, load, addresses, trust)
        stack.enter_context(subject)
        wait_for_first_ack(subject)
        yield Processes(generator, broker, subject)


def _load_arguments(bench: Bench, case: Case) -> list[str]:
    arguments = [str(bench.folder / f"{case.load}.pickle"), "--clump-ms", str(case.clump_ms)]
    arguments += ["--rate", str(case.rate)] if case.rate else []
    if case.tls:
        files = bench.certificate
        arguments += ["--certificate", str(files.certificate), "--key", str(files.key)]
    return arguments


def wait_for_first_ack(subject: Connector | Floor) -> None:
    """Wait until Kafka has acknowledged a record of the subject.

    Raises:
        ProcessFailed: the subject ended, or there was no acknowledgement in FIRST_ACK_S.
    """
    deadline = time.monotonic() + FIRST_ACK_S
    while time.monotonic() < deadline and subject.alive():
        with contextlib.suppress(OSError):  # the subject's HTTP server is not up yet
            if subject.counts()["acknowledged"]:
                return
        pause(0.1)
    raise ProcessFailed(f"nothing acknowledged: {subject.error_text()}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counts of a run at one time (monotonic seconds)."""

    time_s: float
    cpu_s: float
    subject: dict[str, Any]
    generator: dict[str, Any]

    @classmethod
    def take(cls, run: Processes) -> "Snapshot":
        """Read all counts now."""
        cpu_s = run.subject.cpu_s()
        time_s = time.monotonic()
        return cls(time_s, cpu_s, run.subject.counts(), run.generator.ask())


def measure(bench: Bench, case: Case, warm_s: float, seconds: float) -> Figures:
    """Run one case and return its figures.

    Raises:
        ProcessFailed: a process failed.
    """
    with running(bench, case) as run:
        pause(warm_s)
        before = Snapshot.take(run)
        rss = run.subject.rss_mb()
        while (left := before.time_s + seconds - time.monotonic()) > 0:
            pause(min(left, RSS_INTERVAL_S))
            rss = max(rss, run.subject.rss_mb())
        after = Snapshot.take(run)
    return _figures(before, after, rss)


def _figures(before: Snapshot, after: Snapshot, rss_mb: float) -> Figures:
    seconds = after.time_s - before.time_s

    def growth(source: str, name: str) -> float:
        return float(getattr(after, source)[name] - getattr(before, source)[name])

    acked, sent = growth("subject", "acknowledged"), growth("generator", "sent")
    if not acked:
        raise ProcessFailed("nothing was acknowledged in the window")
    p50_ms, p99_ms = _latency(before.subject, after.subject)
    return Figures(
        cpu_us=1e6 * (after.cpu_s - before.cpu_s) / acked,
        acked_per_s=acked / seconds,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        rss_mb=rss_mb,
        sent_per_s=sent / seconds,
        behind=int(growth("generator", "late") + growth("generator", "skipped")),
        dropped=int(
            growth("subject", "dropped")
            + growth("subject", "failed")
            + abs(after.subject.get("unaccounted", 0))
        ),
        backlog=int(sent - acked),
        generator=growth("generator", "cpu_s") / seconds,
        gaps=after.subject["gaps"],
        pause_p99_ms=_pause(before.subject, after.subject),
    )


def _pause(before: dict[str, Any], after: dict[str, Any]) -> float | None:
    if not after.get("pauses"):
        return None
    return percentile_ms(before["pauses"], after["pauses"], 0.99)


def _latency(before: dict[str, Any], after: dict[str, Any]) -> tuple[float | None, float | None]:
    if "buckets" in after:
        p50_ms, p99_ms = (
            percentile_ms(before["buckets"], after["buckets"], share) for share in (0.5, 0.99)
        )
        return p50_ms, p99_ms
    samples = after["samples_us"]
    if len(samples) < 2:
        return None, None
    cuts = quantiles(samples, n=100)
    return cuts[49] / 1000, cuts[98] / 1000
