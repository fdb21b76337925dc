"""The log's form: one JSON object a line for machines, whole words for people."""

import ast
import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

import connector
from connector.telemetry.logs import wrap

CAUSE = "a cause of many words that goes on until the line is too long for it"
EVENTS = f"""
import logging, sys, warnings
from connector.telemetry import logs
logs.configure(json=sys.argv[1] == "json")
from connector.telemetry import events
events.dead_letter_lost("{CAUSE}")
logging.getLogger("aiokafka.conn").error("Connect attempt to %s failed", "<Node 1>")
warnings.warn("old", DeprecationWarning, stacklevel=1)
def divide(password: str) -> None:
    1 / 0
try:
    divide(sys.argv[2])
except ZeroDivisionError as error:
    events.task_failed("reader", error)
    logging.getLogger("asyncio").exception("Task exception was never retrieved")
"""


def run(form: str) -> str:
    """Return what the events above write to standard error."""
    command = [sys.executable, "-W", "always", "-c", EVENTS, form, "geheim"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr  # noqa: S603


def test_every_line_of_a_json_log_is_json_also_those_of_libraries() -> None:
    lines = [json.loads(line) for line in run("json").splitlines()]

    assert [(line["event"], line.get("library"), line["level"]) for line in lines] == [
        ("dead_letter_lost", None, "error"),
        ("library_message", "aiokafka.conn", "error"),
        ("library_message", "py.warnings", "warning"),
        ("task_failed", None, "error"),
        ("library_message", "asyncio", "error"),
    ]
    assert lines[1]["text"] == "Connect attempt to <Node 1> failed"
    assert all("timestamp" in line for line in lines)
    assert all("ZeroDivisionError" in line["exception"] for line in lines[3:])


LIBRDKAFKA = """
from confluent_kafka import Producer
from connector.kafka.client import open_client
from connector.telemetry import logs
logs.configure(json=True)
errors = []
conf = {"bootstrap.servers": "127.0.0.1:9", "fetch.wait.max.ms": 100}
client = open_client(Producer, conf, errors.append)
while not errors:
    client.poll(0.1)
"""


def test_librdkafka_logs_in_the_same_form_what_it_does_not_report_otherwise() -> None:
    command = [sys.executable, "-c", LIBRDKAFKA]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    lines = [json.loads(line) for line in ended.stderr.splitlines()]

    assert [(line["event"], line["library"]) for line in lines] == [
        ("library_message", "librdkafka")
    ]
    assert lines[0]["text"].startswith("CONFWARN ")  # and no FAIL, which is `errors`


CLIENTS = {"Producer", "Client", "Consumer", "AdminClient"}  # as confluent_kafka is imported


def test_no_client_of_librdkafka_is_left_to_write_to_standard_error_by_itself() -> None:
    """Each is made by `open_client`, which gives it a logger, or is silent."""
    loud = [
        f"{path.name}: {ast.unparse(node)}"
        for path in Path(connector.__path__[0]).rglob("*.py")
        if "confluent_kafka" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in CLIENTS
        and "log_level" not in ast.unparse(node)
    ]
    assert loud == []


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_values_of_variables(form: str) -> None:
    text = run(form)

    assert "ZeroDivisionError" in text
    assert "geheim" not in text


def test_a_console_log_that_is_no_terminal_has_whole_lines_without_colours() -> None:
    first = run("console").splitlines()[0]

    assert first.endswith(f"cause='{CAUSE}'")
    assert "\x1b" not in first


def test_on_a_terminal_lines_break_between_words() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (25, 60))
    one_event = EVENTS.partition("logging.getLogger")[0]
    subprocess.run([sys.executable, "-c", one_event, "console"], stderr=theirs, check=True)  # noqa: S603
    text = os.read(ours, 65_536).decode()
    os.close(theirs)
    os.close(ours)

    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(line.strip() for line in lines).endswith(CAUSE + "'")


BLUE, RESET = "\x1b[34m", "\x1b[0m"


@pytest.mark.parametrize(
    ("line", "width", "wrapped"),
    [
        ("short", 20, "short"),
        ("a line of six short words", 12, "a line of\n    six\n    short\n    words"),
        ("exactly fits", 12, "exactly fits"),
        ("padded      event=1", 14, "padded\n    event=1"),
        ("a_word_that_is_longer_than_the_line x", 10, "a_word_that_is_longer_than_the_line\n    x"),
        (f"{BLUE}key{RESET}=1 {BLUE}b{RESET}=2", 9, f"{BLUE}key{RESET}=1 {BLUE}b{RESET}=2"),
        ("of unknown width", 0, "of unknown width"),
        ("", 10, ""),
    ],
)
def test_a_line_is_broken_between_words(line: str, width: int, wrapped: str) -> None:
    assert wrap(line, width) == wrapped


LEVELS = """
import json, logging, sys
from connector.telemetry import logs
logs.configure(json=True, level="WARNING", levels=json.loads(sys.argv[1]))
from connector.telemetry import events, recent_events
def log(module):
    for name in ("kafka_recovered", "overload_ended"):
        exec(f"events.{name}(1)", {"events": events, "__name__": module})
log("connector.feed.router")
log("connector.feed.liveness.suspicions")
log("connector.feeder")
logging.getLogger("aiokafka.conn").info("connected")
logging.getLogger("other").info("connected")
print(sum(recent_events.RECENT.lines.values()))
"""


@pytest.mark.parametrize(
    ("levels", "lines"),
    [
        ({}, ["overload_ended"] * 3),
        ({"connector.feed": "ERROR"}, ["overload_ended"]),
        (
            {"connector.feed": "ERROR", "connector.feed.liveness": "INFO"},
            ["kafka_recovered", "overload_ended", "overload_ended"],
        ),
        ({"connector.feed.router": "DEBUG"}, ["kafka_recovered", *["overload_ended"] * 3]),
        ({"connector": "ERROR"}, ["overload_ended"] * 0),
        ({"aiokafka": "INFO"}, [*["overload_ended"] * 3, "library_message"]),
    ],
)
def test_the_longest_name_of_a_module_says_what_is_logged_from_it(
    levels: dict[str, str], lines: list[str]
) -> None:
    command = [sys.executable, "-c", LEVELS, json.dumps(levels)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    logged = [json.loads(line) for line in ended.stderr.splitlines()]

    assert [line["event"] for line in logged] == lines
    assert all("qual_module" not in line for line in logged)
    assert int(ended.stdout) == len(lines)  # what is left out is not counted, and not on the page
