"""Generated pages are fresh, and what CONTRIBUTING shows works."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.binance.catalogue import spot
from connector.binance.stream_name import Stream
from connector.binance.stream_pattern import match
from connector.cli import app
from connector.codec import lint
from connector.codec.compile import Codec
from connector.codec.framing import prefix, receipt
from connector.codec.schema import folder, load, parse
from connector.errors import BadMessage
from connector.feed.pipeline import Pipeline
from connector.feed.route import route_to
from connector.kafka.dead_letter import DeadLetterEncoder
from connector.telemetry.ledger import Ledger
from connector.worker.metrics.records import DEAD_LETTER_REASONS
from tests.golden.test_golden import RECEIVED_US, plain
from tests.support import avro_oracle
from tests.support.pipeline import FEED, Recorder
from tools import docs

ROOT = Path(__file__).parent.parent


def _shown(language: str) -> list[str]:
    """Return the blocks of one language in CONTRIBUTING."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_generated_pages_are_fresh() -> None:
    stale = [
        path
        for path, text in docs.pages().items()
        if not (docs.DOCS / path).exists() or (docs.DOCS / path).read_text() != text
    ]

    assert stale == [], "make docs"


def test_the_folder_of_topics_has_no_other_file() -> None:
    files = [path for path in (docs.DOCS / docs.TOPICS).rglob("*") if path.is_file()]

    assert {str(path.relative_to(docs.DOCS)) for path in files} <= docs.pages().keys()


def test_the_dead_letters_headers_and_reasons_are_told() -> None:
    letter = DeadLetterEncoder("t").encode("s", b"raw", BadMessage("json", "why"), 0, 0.0)
    section = (ROOT / "docs" / "delivery.md").read_text().partition("## The dead letter")[2]

    assert letter is not None
    headers = [name for name, _ in letter[-1] or ()]
    assert re.findall(r"^\| header `(\w+)`", section, re.MULTILINE) == headers
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == set(DEAD_LETTER_REASONS)


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")), ids=str
)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=str)
def test_the_files_that_pages_name_are_there(path: Path) -> None:
    named = re.findall(r"`([\w/]+\.(?:py|sh|avsc))`", path.read_text())
    places = (ROOT, ROOT / "connector", path.parent)

    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_no_page_and_no_source_holds_what_a_merge_left() -> None:
    folders = "connector", "tests", "docs", "bench", "tools", "helm", "examples"
    paths = [*ROOT.glob("*.*"), *(path for each in folders for path in (ROOT / each).rglob("*.*"))]
    files = [path for path in paths if path.is_file() and path.suffix != ".pyc"]
    left = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)

    assert [path for path in files if left.search(path.read_bytes())] == []


def test_the_index_of_decisions_has_every_page_by_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    rows = re.compile(r"^\| (\d+) \| \[(.+?)\]\((.+?)\)", re.MULTILINE)
    index = rows.findall((folder / "README.md").read_text())
    pages = sorted(folder.glob("0*.md"))

    assert [name for _, _, name in index] == [page.name for page in pages]
    assert [f"# {number}. {title}" for number, title, _ in index] == [
        page.read_text().splitlines()[0] for page in pages
    ]


def commands() -> list[str]:
    """Return the lines of `bkc` that the pages show."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    blocks = [
        block
        for page in pages
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    lines = [line.partition("#")[0] for line in "".join(blocks).splitlines()]
    return sorted({line.strip() for line in lines if line.startswith("bkc ")})


@pytest.mark.parametrize("command", commands())
def test_a_command_that_a_page_shows_is_there_with_its_options(command: str) -> None:
    words = command.partition("<")[0].split()[1:]
    verb = words[: 2 if words[0] in ("run", "lab", "doctor") else 1]

    shown = CliRunner().invoke(app, [*verb, "--help"])

    assert shown.exit_code == 0
    options = {word for word in words if word.startswith("-")}
    assert options <= set(re.findall(r"(?<!\S)--?[\w-]+", shown.stdout.replace(",", " ")))


def test_the_field_shown_in_contributing_makes_a_schema_that_works() -> None:
    """Take the head of another kind and the line CONTRIBUTING shows, as a newcomer would."""
    line = _shown("json")[-1]
    raw = json.loads((folder() / "trade.avsc").read_text())
    raw |= {"name": "Example", "fields": [*raw["fields"][: len(lint.HEAD)], json.loads(line)]}

    schema = parse("example", json.dumps(raw))

    assert lint.findings(schema) == []
    codec = Codec(schema)
    message = codec.decode(b'{"e":"x","E":5,"s":"X","p":"1.5"}')
    framed = codec.encode(message, prefix(1, "X", "spot", "x@example"), receipt(7_000))
    assert str(avro_oracle.read_avro(schema, framed)["price"]) == "1.500000000000000000"


def test_the_row_and_the_sample_shown_in_contributing_make_a_stream() -> None:
    """CONTRIBUTING's example, run as it stands there: one row and one sample are all it takes."""
    [code] = _shown("python")
    row = eval(f"({code.strip()})", vars(spot))  # noqa: S307 - our own page
    sample = json.loads(_shown("json")[0])
    parameters = match(row, sample["stream"])
    assert parameters is not None
    stream = Stream("spot", row, parameters)
    assert stream.name == sample["stream"]

    recorder = Recorder()
    routes = {sample["stream"].encode(): route_to("binance.spot.trade", 7, stream, {})}
    frame = json.dumps({"stream": sample["stream"], "data": sample["data"]}, separators=(",", ":"))
    Pipeline(recorder, Ledger(), 1_000_000).receive(routes, [frame.encode()], RECEIVED_US, FEED)

    [(_, value, key, timestamp)] = recorder.records
    assert (key.decode(), timestamp) == (sample["key"], sample["timestamp"])
    assert plain(avro_oracle.read_avro(load("trade"), value)) == sample["record"]


def test_a_stream_of_an_existing_kind_is_one_row_and_one_sample() -> None:
    """CONTRIBUTING's promise: nothing else in the tree names a single stream's pattern."""
    files = sorted((ROOT / "connector").rglob("*.py"))
    places = [path.name for path in files if "@avgPrice" in path.read_text()]

    assert places == ["spot.py"]
    assert load("avg-price").kind == "avg-price"


def test_the_readmes_first_screen_has_the_two_commands_that_set_everything_up() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:24])

    assert re.findall(r"^make \w+", first_screen, re.MULTILINE) == ["make demo", "make test"]
