"""The plan that a config file means."""

from pathlib import Path

import pytest

from connector.config.plan import plan_of
from tests.support.config import GOOD, loaded, refused


@pytest.mark.parametrize(
    ("exchange", "prefix"),
    [("production", "binance"), ("testnet", "testnet.binance"), ("demo", "demo.binance")],
)
def test_testnet_and_demo_have_topics_of_their_own(
    tmp_path: Path, exchange: str, prefix: str
) -> None:
    text = GOOD.replace("production", exchange)

    [topic] = plan_of(loaded(tmp_path, text)).topics
    assert topic == f"{prefix}.spot.trade"


def test_several_problems_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("[trade]", "[trades, klin_1m]")

    assert len(refused(tmp_path, text).splitlines()) == 2


def test_a_product_that_the_exchange_map_lacks_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("production", "{usdm: {streams: 'ws://x'}}")

    assert "exchange gives no base for spot" in refused(tmp_path, text)
