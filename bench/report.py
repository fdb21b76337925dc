"""Figures into tables, bars and one JSON line; writes the tables into bench/README.md.

Measures nothing.
"""

import datetime
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import machine
from bench.measure import Case, Figures

README = Path(__file__).with_name("README.md")
RESULTS = Path(__file__).with_name("results.jsonl")
FLOOR = "websockets"
RATIO_BARS = {"a1": 0.6, "a2": 0.5}  # CPU of a message, share of the floor's, over TLS
P99_BAR_MS = 25.0  # a1 over TLS
ONCE_BAR = 1.10  # exactly once over idempotent, CPU of a message
NEW_KEY_BAR = 1.33  # a1k over a1: throughput falls by less than a quarter
RSS_BAR_MB = 150.0
AWAY_BAR_MB = 100.0  # above the queue's bound


@dataclass(frozen=True, slots=True)
class Result:
    """One run's figures."""

    case: Case
    round: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Bar:
    """What must hold, what was measured, whether it does."""

    text: str
    limit: float
    measured: float

    @property
    def met(self) -> bool:
        """Whether it holds."""
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
        """The median; None when there is no value."""
        return median(self.values) if self.values else None

    def __format__(self, spec: str) -> str:
        if not self.values:
            return "-"
        low, high = min(self.values), max(self.values)
        middle = format(median(self.values), spec)
        return middle if low == high else f"{middle} ({low:{spec}}..{high:{spec}})"

    def data(self) -> dict[str, float] | None:
        """Return it for the JSON line."""
        if not self.values:
            return None
        three = {"median": median(self.values), "min": min(self.values), "max": max(self.values)}
        return {name: round(value, 3) for name, value in three.items()}


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
    """Return the runs that count, by what was run, in the order they were first run."""
    groups: dict[Key, list[Result]] = {}
    for one in results:
        if not one.figures.void:
            groups.setdefault((one.case.load, one.case.tls, one.case.subject), []).append(one)
    return groups


def ratios(groups: dict[Key, list[Result]], key: Key, floor: str = FLOOR) -> Spread:
    """Return CPU per message as a share of the floor's, round by round."""
    load, tls, _ = key
    low = {one.round: one.figures.cpu_us for one in groups.get((load, tls, floor), [])}
    return Spread(
        one.figures.cpu_us / low[one.round] for one in groups.get(key, []) if one.round in low
    )


def table(results: Sequence[Result], floor: str = FLOOR, columns: Columns = COLUMNS) -> list[str]:
    """Return the rows as Markdown."""
    groups = grouped(results)
    heads = ["load", "subject", *(head for head, _, _ in columns), f"CPU / {floor}", "kept up"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for key in sorted(groups, key=lambda k: (k[0], not k[1])):
        load, tls, subject = key
        figures = [one.figures for one in groups[key]]
        cells = [f"{load} {'TLS' if tls else 'plain'}", subject]
        cells += [format(Spread(get(f) for f in figures), spec) for _, spec, get in columns]
        cells.append(format(ratios(groups, key, floor), ".2f"))
        cells.append(f"{sum(f.held for f in figures)} of {len(figures)}")
        lines.append("| " + " | ".join(cells) + " |")
    if void := sum(one.figures.void for one in results):
        lines += ["", f"{void} runs void: the generator used over 80 % of a core."]
    return lines


def bars(results: Sequence[Result]) -> list[Bar]:
    """Return the bars that these runs can say something about."""
    groups, found = grouped(results), []
    for load, limit in RATIO_BARS.items():
        ratio = ratios(groups, (load, True, "ours")).median
        if ratio is not None:
            found.append(Bar(f"{load} over TLS, CPU a message / {FLOOR} floor", limit, ratio))
    learned = _cpu(groups, "a1k"), _cpu(groups, "a1")
    if learned[0] is not None and learned[1] is not None:
        text = "a1k over TLS, CPU a message with a new key / without"
        found.append(Bar(text, NEW_KEY_BAR, learned[0] / learned[1]))
    p99_ms = Spread(o.figures.p99_ms for o in groups.get(("a1", True, "ours"), [])).median
    if p99_ms is not None:
        found.append(Bar("a1 over TLS, p99 socket to acknowledged, ms", P99_BAR_MS, p99_ms))
    ours = [group for (_, _, subject), group in groups.items() if subject == "ours"]
    if ours:
        rss = max(Spread(one.figures.rss_mb for one in group).median or 0.0 for group in ours)
        found.append(Bar("largest median RSS of all loads, MB", RSS_BAR_MB, rss))
        lost = sum(one.figures.dropped for group in ours for one in group)
        found.append(Bar("frames dropped and records not stored, all runs", 0, lost))
    return found


def delivery_table(results: Sequence[Result]) -> list[str]:
    """Return the rows of idempotent against exactly once."""
    return table(results, "ours", DELIVERY_COLUMNS)


def delivery_bars(results: Sequence[Result]) -> list[Bar]:
    """Return what exactly once may cost, load by load."""
    groups, found = grouped(results), []
    for load, tls, subject in groups:
        ratio = ratios(groups, (load, tls, subject), "ours").median
        if subject != "ours" and ratio is not None:
            text = f"{load} {'TLS' if tls else 'plain'}, CPU a message, exactly once / idempotent"
            found.append(Bar(text, ONCE_BAR, ratio))
    lost = sum(one.figures.dropped for group in groups.values() for one in group)
    return [*found, Bar("frames dropped and records not stored, all runs", 0, lost)]


def _cpu(groups: dict[Key, list[Result]], load: str) -> float | None:
    return Spread(one.figures.cpu_us for one in groups.get((load, True, "ours"), [])).median


def data(results: Sequence[Result], found: Sequence[Bar], more: dict[str, Any]) -> str:
    """Return everything as one line of JSON."""
    groups = grouped(results)
    rows = [
        {
            "load": load,
            "tls": tls,
            "subject": subject,
            "runs": len(group),
            **{head: Spread(get(o.figures) for o in group).data() for head, _, get in COLUMNS},
            "ratio": ratios(groups, (load, tls, subject)).data(),
        }
        for (load, tls, subject), group in groups.items()
    ]
    return json.dumps(
        {
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": machine.describe(),
            **more,
            "rows": rows,
            "bars": [{**asdict(bar), "met": bar.met} for bar in found],
        },
        ensure_ascii=False,
    )


def write(section: str, lines: Iterable[str]) -> None:
    """Replace what stands between the markers of a section in bench/README.md."""
    text = README.read_text(encoding="utf-8")
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    stamp = datetime.datetime.now(datetime.UTC).date().isoformat()
    body = "\n".join((f"Measured {stamp} on: {machine.line()}.", "", *lines))
    README.write_text(f"{before}{begin}\n{body}\n{end}{after}", encoding="utf-8")


def append(line: str) -> None:
    """Add one line to the results of earlier runs."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
