"""CPU microseconds a frame of the socket reader alone, by library and event loop.

`python -m bench.readers [--seconds S] [--write]`. Each reader runs in a process of its own.
"""

import argparse
import pickle
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import report
from bench.frames import render
from bench.processes import Child, ProcessFailed, pause
from bench.reader_process import READERS
from connector.lab.certificates import Authority, CertificateFiles

RATE = 12_000.0
LOADS = {"a1": "one frame a write", "a2": "20 frames a write"}
LOOPS = ("asyncio", "uvloop")
FIRST_SECOND_S = 20.0  # a reader without a second's frames by then has failed


def measure(
    file: Path,
    names: Sequence[str],
    files: CertificateFiles | None,
    *reader_and_loop: str,
    seconds: float,
) -> float:
    """Return CPU microseconds a frame of one reader. `files` None: plain TCP.

    Raises:
        ProcessFailed: a process failed, or the reader received no frames.
    """
    arguments, trust = [str(file), "--rate", str(RATE)], {}
    if files is not None:
        arguments += ["--certificate", str(files.certificate), "--key", str(files.key)]
        trust["SSL_CERT_FILE"] = str(files.authority)
    with Child("bench.load", *arguments) as generator:
        scheme = "ws" if files is None else "wss"
        url = f"{scheme}://127.0.0.1:{generator.first['port']}/spot/stream"
        arguments = [*reader_and_loop, url, *names]
        with Child(
            "bench.reader_process", *arguments, environment=trust, announces=False
        ) as reader:
            deadline = time.monotonic() + FIRST_SECOND_S
            while reader.ask() < RATE:
                pause(0.1)
                if time.monotonic() > deadline:
                    raise ProcessFailed(f"no frames: {reader.error_text()}")
            before_s, before = reader.cpu_s(), int(reader.ask())
            pause(seconds)
            return 1e6 * (reader.cpu_s() - before_s) / (int(reader.ask()) - before)


def table(folder: Path, rounds: int, seconds: float) -> list[str]:
    """Measure every reader and return the table."""
    certificate = Authority(folder).issue("server")
    columns = [(load, tls) for load in LOADS for tls in (False, True)]
    heads = [f"{LOADS[load]}, {'TLS' if tls else 'plain'}" for load, tls in columns]
    lines = [
        f"CPU µs a frame at {RATE:.0f} frames/s, median of {rounds} (of {seconds:g} s each).",
        "",
        "| reader | loop | " + " | ".join(heads) + " |",
        "|" + "---|" * (2 + len(heads)),
    ]
    names: dict[str, list[str]] = {}
    for load in LOADS:
        rendered = render(load, int(time.time() * 1000))
        names[load] = [stream.name for stream in rendered.streams]
        (folder / f"{load}.pickle").write_bytes(pickle.dumps(rendered))
    for reader in READERS:
        for loop in LOOPS:
            cells = []
            for load, tls in columns:
                file, files = folder / f"{load}.pickle", certificate if tls else None
                figures = [
                    measure(file, names[load], files, reader, loop, seconds=seconds)
                    for _ in range(rounds)
                ]
                cells.append(f"{median(figures):.1f}")
            lines.append(f"| {reader} | {loop} | " + " | ".join(cells) + " |")
            print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> int:
    """Measure and print the table; `--write`: into bench/README.md too."""
    parser = argparse.ArgumentParser(prog="python -m bench.readers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            lines = table(Path(folder), options.rounds, options.seconds)
        except ProcessFailed as error:
            print(f"a process failed: {error}", file=sys.stderr)
            return 2
    print("\n".join(lines))
    if options.write:
        report.write("readers", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
