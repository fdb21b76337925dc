"""Log levels of modules, as the config file has them."""

from pathlib import Path

import pytest

from connector.config.log_levels import own_modules
from tests.support.config import GOOD, loaded, refused


def test_levels_of_our_modules_and_of_libraries_are_taken(tmp_path: Path) -> None:
    text = (
        GOOD + "logs:\n  levels: {connector.feed: ERROR, librdkafka: DEBUG, py.warnings: ERROR}\n"
    )

    assert loaded(tmp_path, text).settings.logs.levels == {
        "connector.feed": "ERROR",
        "librdkafka": "DEBUG",
        "py.warnings": "ERROR",
    }


def test_they_come_from_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BKC_LOGS__LEVELS", '{"connector.kafka": "ERROR"}')

    assert loaded(tmp_path).settings.logs.levels == {"connector.kafka": "ERROR"}


@pytest.mark.parametrize(
    ("levels", "error"),
    [
        ("{connector.backfil: ERROR}", "no module: did you mean 'connector.backfill'?"),
        ("{connector.xyz.qwertz: ERROR}", "no module: docs/logs.md has the modules that log"),
        ("{'a/b': ERROR}", "'a/b' is no module's name: write it as Python does, such as a.b"),
        ("{connector.feed: LOUD}", "logs.levels.connector.feed: "),
    ],
)
def test_a_name_or_level_that_means_nothing_is_refused(
    tmp_path: Path, levels: str, error: str
) -> None:
    assert error in refused(tmp_path, GOOD + f"logs: {{levels: {levels}}}\n")


def test_our_modules_are_packages_too() -> None:
    names = own_modules()

    assert {"connector", "connector.feed", "connector.feed.liveness.monitor"} <= set(names)
    assert not any(name.endswith("__init__") for name in names)
