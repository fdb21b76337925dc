"""What is printed for people: whole in a pipe, between words on a terminal, and while one waits."""

import io

import pytest
from rich.console import Console

from connector.cli import console


class Clock:
    """A clock that tests move on."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard error as a pipe."""
    written = io.StringIO()
    wide = Console(file=written, width=console.UNLIMITED_WIDTH)
    monkeypatch.setattr("connector.cli.console.err", wide)
    return written


LONG = "a sentence " * 20


def test_in_a_pipe_a_line_stays_whole(piped: io.StringIO) -> None:
    console.note(LONG.strip())

    assert piped.getvalue() == LONG.strip() + "\n"


def test_on_a_terminal_it_breaks_between_words_and_keeps_long_words_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    monkeypatch.setattr("connector.cli.console.err", Console(file=written, width=20))

    console.warn("see wss://fstream.binance.com/market/stream there\nsecond line")

    assert written.getvalue().splitlines() == [
        "warning: see",
        "wss://fstream.binance.com/market/stream",
        "there",
        "second line",
    ]


def test_progress_in_a_pipe_is_a_line_every_ten_seconds(
    piped: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("connector.cli.console.time", clock)

    with console.progress("asking") as report:
        for second in range(25):
            clock.now = 100.0 + second
            report("reading", 1_000 * second, 24_000)

    assert piped.getvalue().splitlines() == [
        "reading: 10,000 of 24,000",
        "reading: 20,000 of 24,000",
    ]


def test_what_is_fetched_is_named_once_in_a_pipe(piped: io.StringIO) -> None:
    with console.download() as report:
        for _ in range(3):
            report("Kafka (44 MB, once)", 8_192)
        report("Apicurio (159 MB, once)", 8_192)

    assert piped.getvalue().splitlines() == [
        "fetching Kafka (44 MB, once)",
        "fetching Apicurio (159 MB, once)",
    ]


def test_nothing_is_said_where_nothing_is_fetched(piped: io.StringIO) -> None:
    with console.download():
        pass

    assert piped.getvalue() == ""


def test_what_is_waited_for_is_named_in_a_pipe(piped: io.StringIO) -> None:
    with console.waiting("starting Kafka"):
        assert piped.getvalue() == "starting Kafka\n"


def test_bars_and_spinners_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    terminal = Console(file=written, width=80, force_terminal=True)
    monkeypatch.setattr("connector.cli.console.err", terminal)

    with console.waiting("starting Kafka"):
        pass
    with console.progress("asking"):
        pass

    assert "starting Kafka" in written.getvalue()
    assert "asking" in written.getvalue()


def test_what_continues_a_line_of_a_result_is_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("connector.cli.console.out", Console(file=written, width=20))

    console.print_lines(["fail  a check: what is wrong", "ok  short"], "red", indent=6)

    assert written.getvalue().splitlines() == ["fail  a check: what", "      is wrong", "ok  short"]
