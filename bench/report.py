"""Figures as tables, bars and one line of JSON; writes the tables into bench/README.md."""

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import machine
from bench.figures import Case, Figures

README = Path(__file__).with_name("README.md")
RESULTS = Path(__file__).with_name("results.jsonl")
FLOOR = "websockets"
RATIO_BARS = {"a1": 0.6, "a2": 0.5}  # CPU a message as a share of the floor's, over TLS
P99_BAR_MS = 25.0  # a1 over TLS
EXACTLY_ONCE_BAR = 1.10  # CPU a message, exactly once / idempotent
NEW_KEY_BAR = 1.33  # CPU a message, a1k / a1: throughput falls by less than a quarter
RSS_BAR_MB = 150.0
OUTAGE_BAR_MB = 100.0  # RSS above the queue's bound


@dataclass(frozen=True, slots=True)
class Result:
    """A run and its figures."""

    case: Case
    round: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Bar:
    """An upper limit and the measured value."""

    text: str
    limit: float
    measured: float

    @property
    def met(self) -> bool:
        """True if the measured value is within the limit."""
        return self.measured <= self.limit

    def __str__(self) -> str:
        mark = "met" if self.met else "MISSED"
        return f"{self.text}: {self.measured:.2f}, bar {self.limit:g}: {mark}"


class Spread:
    """Median, smallest and largest of the rounds."""

    def __init__(self, values: Iterable[float | None]) -> None:
        self.values = [value for value in values if value is not None]

    @property
    def median(self) -> float | None:
        """Median; None if there are no values."""
        return median(self.values) if self.values else None

    def __format__(self, spec: str) -> str:
        if not self.values:
            return "-"
        low, high = min(self.values), max(self.values)
        middle = format(median(self.values), spec)
        return middle if low == high else f"{middle} ({low:{spec}}..{high:{spec}})"

    def data(self) -> dict[str, float] | None:
        """Return median, min and max for the JSON line; None if there are no values."""
        if not self.values:
            return None
        values = {"median": median(self.values), "min": min(self.values), "max": max(self.values)}
        return {name: round(value, 3) for name, value in values.items()}


Key = tuple[str, bool, str]  # load, TLS, subject
Columns = tuple[tuple[str, str, Callable[[Figures], float | None]], ...]
COLUMNS: Columns = (
    ("CPU µs/msg", ".1f", lambda f: f.cpu_us),
    ("acked/s", ".0f", lambda f: f.acked_per_s),
    ("p50 ms", ".1f", lambda f: f.p50_ms),
    ("p99 ms", ".1f", lambda f: f.p99_ms),
    ("RSS MB", ".0f", lambda f: f.rss_mb),
)


DELIVERY_COLUMNS: Columns = (
    *COLUMNS,
    ("commit pause p99 ms", ".1f", lambda f: f.pause_p99_ms),
)


def grouped(results: Sequence[Result]) -> dict[Key, list[Result]]:
    """Return the runs that are not void by load, TLS and subject, in the order of the runs."""
    groups: dict[Key, list[Result]] = {}
    for result in results:
        if not result.figures.void:
            case = result.case
            groups.setdefault((case.load, case.tls, case.subject), []).append(result)
    return groups


def ratios(groups: dict[Key, list[Result]], key: Key, floor: str = FLOOR) -> Spread:
    """Return CPU a message divided by the floor's in the same round, for each round."""
    load, tls, _ = key
    floor_us = {run.round: run.figures.cpu_us for run in groups.get((load, tls, floor), [])}
    return Spread(
        run.figures.cpu_us / floor_us[run.round]
        for run in groups.get(key, [])
        if run.round in floor_us
    )


def table(results: Sequence[Result], floor: str = FLOOR, columns: Columns = COLUMNS) -> list[str]:
    """Return the rows as Markdown."""
    groups = grouped(results)
    heads = ["load", "subject", *(head for head, _, _ in columns), f"CPU / {floor}", "kept up"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for key in sorted(groups, key=lambda k: (k[0], not k[1])):
        load, tls, subject = key
        figures = [run.figures for run in groups[key]]
        cells = [f"{load} {'TLS' if tls else 'plain'}", subject]
        cells += [format(Spread(get(f) for f in figures), spec) for _, spec, get in columns]
        cells.append(format(ratios(groups, key, floor), ".2f"))
        cells.append(f"{sum(f.held for f in figures)} of {len(figures)}")
        lines.append("| " + " | ".join(cells) + " |")
    if void := sum(result.figures.void for result in results):
        lines += ["", f"{void} runs void: the generator used over 80 % of a core."]
    return lines


def bars(results: Sequence[Result]) -> list[Bar]:
    """Return the bars of the loads and subjects that were run."""
    groups = grouped(results)
    ours = [run for (_, _, subject), runs in groups.items() if subject == "ours" for run in runs]
    return [
        *_cost_bars(groups),
        *_latency_bars(groups),
        *_memory_bars(groups),
        *_loss_bars(ours),
    ]


def _cost_bars(groups: dict[Key, list[Result]]) -> Iterator[Bar]:
    for load, limit in RATIO_BARS.items():
        ratio = ratios(groups, (load, True, "ours")).median
        if ratio is not None:
            yield Bar(f"{load} over TLS, CPU a message / {FLOOR} floor", limit, ratio)
    with_key_us, without_us = (
        Spread(run.figures.cpu_us for run in groups.get((load, True, "ours"), [])).median
        for load in ("a1k", "a1")
    )
    if with_key_us is not None and without_us is not None:
        text = "a1k over TLS, CPU a message with a new key / without"
        yield Bar(text, NEW_KEY_BAR, with_key_us / without_us)


def _latency_bars(groups: dict[Key, list[Result]]) -> Iterator[Bar]:
    runs = groups.get(("a1", True, "ours"), [])
    p99_ms = Spread(run.figures.p99_ms for run in runs).median
    if p99_ms is not None:
        yield Bar("a1 over TLS, p99 socket to acknowledged, ms", P99_BAR_MS, p99_ms)


def _memory_bars(groups: dict[Key, list[Result]]) -> Iterator[Bar]:
    medians = [
        Spread(run.figures.rss_mb for run in runs).median or 0.0
        for (_, _, subject), runs in groups.items()
        if subject == "ours"
    ]
    if medians:
        yield Bar("largest median RSS of all loads, MB", RSS_BAR_MB, max(medians))


def _loss_bars(runs: Sequence[Result]) -> Iterator[Bar]:
    """Yield the bars of losses, and of gaps: the ids of a load have none."""
    if runs:
        dropped = sum(run.figures.dropped for run in runs)
        yield Bar("frames dropped and records not stored, all runs", 0, dropped)
        yield Bar("gaps found, all runs", 0, sum(run.figures.gaps for run in runs))


def delivery_table(results: Sequence[Result]) -> list[str]:
    """Return the rows of `idempotent` and `exactly_once` as Markdown."""
    return table(results, "ours", DELIVERY_COLUMNS)


def delivery_bars(results: Sequence[Result]) -> list[Bar]:
    """Return the bars of the cost of exactly once, by load, and of losses."""
    groups, cost = grouped(results), []
    for load, tls, subject in groups:
        ratio = ratios(groups, (load, tls, subject), "ours").median
        if subject != "ours" and ratio is not None:
            text = f"{load} {'TLS' if tls else 'plain'}, CPU a message, exactly once / idempotent"
            cost.append(Bar(text, EXACTLY_ONCE_BAR, ratio))
    return [*cost, *_loss_bars([run for runs in groups.values() for run in runs])]


def json_line(results: Sequence[Result], checked: Sequence[Bar], more: dict[str, Any]) -> str:
    """Return machine, figures and bars as one line of JSON; `more`: further keys."""
    groups = grouped(results)
    rows = [
        {
            "load": load,
            "tls": tls,
            "subject": subject,
            "runs": len(runs),
            **{head: Spread(get(run.figures) for run in runs).data() for head, _, get in COLUMNS},
            "ratio": ratios(groups, (load, tls, subject)).data(),
        }
        for (load, tls, subject), runs in groups.items()
    ]
    return json.dumps(
        {
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": machine.describe(),
            **more,
            "rows": rows,
            "bars": [{**asdict(bar), "met": bar.met} for bar in checked],
        },
        ensure_ascii=False,
    )


def write(section: str, lines: Iterable[str]) -> None:
    """Replace the text between the markers of a section in bench/README.md."""
    text = README.read_text(encoding="utf-8")
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    body = "\n".join((f"Measured {date} on: {machine.line()}.", "", *lines))
    README.write_text(f"{before}{begin}\n{body}\n{end}{after}", encoding="utf-8")


def append(line: str) -> None:
    """Append one line to bench/results.jsonl."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
