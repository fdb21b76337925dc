"""When a config file counts as changed, and what a running worker takes over of it."""

from pathlib import Path

import pytest

from connector.config.load import content_hash
from connector.config.reload import FileWatch, differing, reloadable_part
from tests.support.config import GOOD, loaded


@pytest.fixture
def watch(tmp_path: Path) -> FileWatch:
    path = tmp_path / "connector.yaml"
    path.write_text("a")
    return FileWatch(path, content_hash(b"a"))


def test_the_same_content_is_no_change(watch: FileWatch) -> None:
    watch.path.write_text("a")

    assert [watch.changed(), watch.changed()] == [False, False]


def test_new_content_counts_once_nobody_is_writing_it(watch: FileWatch) -> None:
    watch.path.write_text("half")
    first = watch.changed()
    watch.path.write_text("half and half")

    assert [first, watch.changed(), watch.changed()] == [False, False, True]


def test_content_that_was_dealt_with_is_no_change(watch: FileWatch) -> None:
    watch.path.write_text("b")
    changed = [watch.changed(), watch.changed()]

    assert (changed, watch.take(), watch.changed()) == ([False, True], b"b", False)


def test_a_file_that_is_away_is_no_change(watch: FileWatch) -> None:
    watch.path.unlink()

    assert [watch.changed(), watch.changed()] == [False, False]
    assert watch.take() is None


def test_a_file_is_gone_after_some_looks_and_back_at_once(watch: FileWatch) -> None:
    watch.path.unlink()
    looks = [(watch.changed(), watch.gone) for _ in range(6)]
    watch.path.write_text("a")

    assert looks == [(False, False)] * 4 + [(False, True)] * 2
    assert (watch.changed(), watch.gone) == (False, False)


def test_a_link_above_the_file_may_be_swapped(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "connector.yaml").write_text(name)
    link = tmp_path / "..data"
    link.symlink_to("one")
    (tmp_path / "connector.yaml").symlink_to("..data/connector.yaml")
    path = tmp_path / "connector.yaml"
    watch = FileWatch(path, content_hash(b"one"))
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").rename(link)

    assert [watch.changed(), watch.changed()] == [False, True]


def test_differing_keys_are_named_to_their_depth() -> None:
    old = {"kafka": {"client_id": "a", "security": {"mechanism": None}}, "hold": 1, "live": 1}
    new = {"kafka": {"client_id": "b", "security": {"mechanism": "PLAIN"}}, "hold": 1, "live": 2}

    assert list(differing(old, new, {"live"})) == ["kafka.client_id", "kafka.security.mechanism"]


def test_what_is_taken_is_what_was_read_whatever_the_file_holds_by_then(watch: FileWatch) -> None:
    watch.path.write_text("b")
    watch.changed()
    watch.path.write_text("c")

    assert (watch.take(), watch.known) == (b"b", content_hash(b"b"))


def test_subscriptions_and_refresh_are_taken_over_and_other_keys_are_named(tmp_path: Path) -> None:
    running = loaded(tmp_path, GOOD).settings
    text = GOOD.replace("8081", "8081\n  register: false").replace("[trade]", "[bookTicker]")
    read = loaded(tmp_path, f"{text}refresh: 9s\nhold: 1GiB\n").settings

    settings, keys = reloadable_part(running, read)

    assert keys == ("hold", "schema_registry.register")
    assert (settings.subscriptions, settings.refresh) == (read.subscriptions, read.refresh)
    assert (settings.hold, settings.schema_registry) == (running.hold, running.schema_registry)
