"""What the tests of the config share: a good file, and how a bad one is refused."""

from pathlib import Path

import pytest

from connector.config.load import Loaded, load
from connector.config.plan import plan_of
from connector.config.reload import FileWatch
from connector.config.subscription import SubscriptionSettings
from connector.errors import Refused
from tests.support.waiting import until

GOOD = """\
exchange: production
kafka:
  bootstrap_servers: kafka-1:9092
schema_registry:
  url: http://registry:8081
subscriptions:
  - product: spot
    symbols: [BTCUSDT]
    streams: [trade]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "connector.yaml"
    path.write_text(text)
    return path


def loaded(folder: Path, text: str = GOOD) -> Loaded:
    return load(write(folder, text))


def subscription(folder: Path, text: str) -> SubscriptionSettings:
    return loaded(folder, text).settings.subscriptions[0]


def refused(folder: Path, text: str = GOOD) -> str:
    """Return the error of a file, its folder left out."""
    with pytest.raises(Refused) as caught:
        plan_of(loaded(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


class Looks:
    """Counts how often the config file is looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0
        changed = FileWatch.changed

        def counting(watch: FileWatch) -> bool:
            self.number += 1
            return changed(watch)

        monkeypatch.setattr(FileWatch, "changed", counting)

    async def until_more(self, number: int = 3) -> None:
        """Return once it has been looked at so many times more."""
        before = self.number
        await until(lambda: self.number >= before + number)
