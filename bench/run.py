"""The benchmark's command: `python -m bench.run`; `--help` lists the options.

Exits 0 when every bar is met, 1 when one is missed, 2 when a process failed.
"""

import argparse
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from bench import machine, record_parity, report
from bench.figures import CONNECTORS, DELIVERIES, SUBJECTS, Case
from bench.frames import FRAMES, FRAMES_LONG, RATES, Load, render
from bench.measure import Bench, measure
from bench.processes import ProcessFailed
from bench.report import Bar, Result
from bench.stress import MB, HighestRate, Outage, kafka_away, saturate
from connector.lab.certificates import Authority

RETRIES = 2  # of a void run
OURS_ALONE = ("a1k",)  # loads with a key that the floors would leave out
_DECIMAL = re.compile(rb'[:\[,]"([0-9]+(?:\.[0-9]+)?)"')


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--loads", default="a1,a1k,a2,a3", help="of a1,a1k,a2,a3")
    parser.add_argument("--tls", choices=("both", "tls", "plain"), default="both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="the measured window")
    parser.add_argument("--warm", type=float, default=3.0, help="seconds before it")
    parser.add_argument("--subjects", default=",".join(SUBJECTS), help="in turn in each round")
    parser.add_argument("--rate", type=float, help="frames a second, instead of each load's own")
    parser.add_argument(
        "--clump-ms", type=float, default=0.0, help="writes leave at multiples of this"
    )
    parser.add_argument("--quick", action="store_true", help="one round of 2 s: shows it works")
    parser.add_argument("--saturate", action="store_true", help="find the highest rate held")
    parser.add_argument("--saturate-seconds", type=float, default=30.0)
    parser.add_argument("--saturate-step", type=float, default=1.25)
    parser.add_argument(
        "--kafka-away", type=float, metavar="SECONDS", help="stop the broker that long"
    )
    parser.add_argument(
        "--delivery",
        action="store_true",
        help="idempotent against exactly once, on a real broker (needs Java: see tests)",
    )
    parser.add_argument("--hold-mb", type=float, default=256.0, help="the queue's bound for that")
    parser.add_argument("--write", action="store_true", help="into README.md and results.jsonl")
    options = parser.parse_args(given)
    if options.quick:
        options.rounds, options.seconds, options.warm = 1, 2.0, 1.0
    return options


def main() -> int:
    """Run the chosen measurement and return the exit code."""
    options = arguments()
    signal.signal(signal.SIGTERM, _on_sigterm)
    with tempfile.TemporaryDirectory() as folder:
        try:
            bench = _prepare(Path(folder), options)
            return _work(bench, options)
        except ProcessFailed as error:
            print(f"a process failed: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)  # runs every `finally`: child processes are stopped


def _prepare(folder: Path, options: argparse.Namespace) -> Bench:
    """Render the loads and compare the records of floors and connector."""
    now = int(time.time() * 1000)
    frames = FRAMES // 4 if options.quick else FRAMES
    if options.saturate or options.kafka_away is not None:
        frames = FRAMES_LONG  # ids of a load that begins again are repeats: no records
    loads: dict[str, Load] = {}
    for name in options.loads.split(","):
        if name not in RATES:
            raise ProcessFailed(f"no load is called {name!r}: {', '.join(RATES)}")
        loads[name] = render(name, now, frames)
        line = _variety(loads[name])
        if name not in OURS_ALONE:
            compared = record_parity.compare(loads[name], now * 1000)
            line += f"; {compared} records of floor and connector are the same"
        print(line)
    return Bench.prepare(folder, loads, Authority(folder).issue("server"))


def _variety(load: Load) -> str:
    """Return counts of decimals and distinct decimals: how much a cache of them can help."""
    texts = [text for _, data, _ in load.writes for text in _DECIMAL.findall(data)]
    frames = sum(frames for _, _, frames in load.writes)
    return (
        f"{load.name}: {frames} frames, {len(texts)} decimals, {len(set(texts))} of them distinct"
    )


def _cases(options: argparse.Namespace) -> list[Case]:
    kinds = {"both": (True, False), "tls": (True,), "plain": (False,)}[options.tls]
    subjects = list(DELIVERIES) if options.delivery else options.subjects.split(",")
    if unknown := set(subjects) - set(SUBJECTS) - set(CONNECTORS):
        known = {**dict.fromkeys(SUBJECTS), **CONNECTORS}
        raise ProcessFailed(f"no subject is called {', '.join(unknown)}: {', '.join(known)}")
    return [
        Case(
            subject,
            load,
            tls,
            options.rate,
            real_kafka=options.delivery,
            clump_ms=options.clump_ms,
        )
        for load in options.loads.split(",")
        for tls in kinds
        for subject in subjects
        if subject in CONNECTORS or load not in OURS_ALONE
    ]


def _work(bench: Bench, options: argparse.Namespace) -> int:
    """Run the cases and show the tables; return 0 if every bar is met, else 1."""
    print(machine.line())
    cases = _cases(options)
    results: list[Result] = []
    bars: list[Bar] = []
    more: dict[str, Any] = {}
    if options.kafka_away is not None:
        bars, more = _kafka_away(bench, cases, options)
    elif options.saturate:
        more = _saturate(bench, cases, options)
    else:
        results = _rounds(bench, cases, options)
        bars = _show_rounds(bench, results, options)
    chosen = {name: getattr(options, name) for name in ("rounds", "seconds", "warm", "clump_ms")}
    line = report.json_line(results, bars, chosen | more)
    print(line)
    if options.write:
        report.append(line)
    return 0 if all(bar.met for bar in bars) else 1


def _show_rounds(bench: Bench, results: list[Result], options: argparse.Namespace) -> list[Bar]:
    """Show the table and the bars of the rounds; return the bars."""
    lines = [f"{options.rounds} rounds of {options.seconds:g} s.", ""]
    if options.delivery:
        bars = report.delivery_bars(results)
        lines += [*report.delivery_table(results), "", *(f"- {bar}" for bar in bars)]
    else:
        bars = report.bars(results)
        lines += [*report.table(results), "", *(f"- {bar}" for bar in bars), ""]
        lines += [f"- {_variety(load)}" for load in bench.loads.values()]
    _show("delivery" if options.delivery else "rounds", lines, options)
    return bars


def _rounds(bench: Bench, cases: list[Case], options: argparse.Namespace) -> list[Result]:
    results = []
    for number in range(1, options.rounds + 1):
        for case in cases:
            for _ in range(1 + RETRIES):
                figures = measure(bench, case, options.warm, options.seconds)
                results.append(Result(case, number, figures))
                _progress(f"round {number}", case, asdict(figures))
                if not figures.void:
                    break
    return results


def _saturate(bench: Bench, cases: list[Case], options: argparse.Namespace) -> dict[str, Any]:
    highest: list[HighestRate] = []
    for case in cases:
        steps = saturate(bench, case, options.warm, options.saturate_seconds, options.saturate_step)
        for step in steps:
            if isinstance(step, HighestRate):
                highest.append(step)
            else:
                _progress("step", case, asdict(step))
    lines = [
        f"Held for {options.saturate_seconds:g} s with nothing dropped or behind;"
        " + means that the generator, not the subject, was the limit.",
        "",
        "| load | subject | highest rate held, frames/s |",
        "|---|---|---|",
    ]
    for result in highest:
        rate = "none" if result.rate is None else f"{result.rate:.0f}"
        plus = "+" if result.limit == "generator" else ""
        lines.append(f"| {_load_name(result.case)} | {result.case.subject} | {rate}{plus} |")
    _show("saturation", lines, options)
    return {"saturation": [asdict(result) for result in highest]}


def _kafka_away(
    bench: Bench, cases: list[Case], options: argparse.Namespace
) -> tuple[list[Bar], dict[str, Any]]:
    bars: list[Bar] = []
    outages: list[Outage] = []
    hold = int(options.hold_mb * MB)
    for case in (case for case in cases if case.subject == "ours"):
        outage = kafka_away(bench, case, options.warm, options.kafka_away, hold)
        outages.append(outage)
        _progress("Kafka away", case, asdict(outage))
        name = f"{_load_name(case)}, Kafka away {outage.seconds:g} s"
        bars += [
            Bar(f"{name}, RSS MB", outage.hold_mb + report.OUTAGE_BAR_MB, outage.rss_mb),
            Bar(f"{name}, frames unaccounted for", 0, outage.unaccounted),
            Bar(f"{name}, queue not empty again in time", 0, 0 if outage.caught_up else 1),
        ]
    lines = [f"- {bar}" for bar in bars]
    lines += [f"- queued {o.queued} frames at most, dropped {o.dropped}" for o in outages]
    _show("kafka-away", lines, options)
    return bars, {"kafka_away": [asdict(outage) for outage in outages]}


def _load_name(case: Case) -> str:
    return f"{case.load} {'TLS' if case.tls else 'plain'}"


def _progress(step: str, case: Case, figures: dict[str, Any]) -> None:
    text = " ".join(
        f"{name}={value:.2f}" if isinstance(value, float) else f"{name}={value}"
        for name, value in figures.items()
    )
    print(f"{step} {_load_name(case)} {case.subject}: {text}", file=sys.stderr, flush=True)


def _show(section: str, lines: Sequence[str], options: argparse.Namespace) -> None:
    print("\n".join(lines))
    if options.write:
        report.write(section, lines)


if __name__ == "__main__":
    sys.exit(main())
