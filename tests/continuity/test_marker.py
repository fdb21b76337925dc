"""Ids of gaps and markers are the same when the same fact is found again."""

from connector.continuity.marker import digest, gap_id


def test_a_gap_has_the_same_id_when_it_is_found_again() -> None:
    first = gap_id("binance", "spot", "btcusdt@trade", "BTCUSDT", 0, 10)

    assert first == gap_id("binance", "spot", "btcusdt@trade", "BTCUSDT", 0, 10)
    assert len(first) == 16
    assert int(first, 16) >= 0


def test_gaps_of_another_environment_series_epoch_or_edge_have_other_ids() -> None:
    ids = {
        gap_id("binance", "spot", "btcusdt@trade", "BTCUSDT", 0, 10),
        gap_id("testnet", "spot", "btcusdt@trade", "BTCUSDT", 0, 10),
        gap_id("binance", "spot", "btcusdt@aggTrade", "BTCUSDT", 0, 10),
        gap_id("binance", "spot", "btcusdt@trade", "BTCUSDT", 1, 10),
        gap_id("binance", "spot", "btcusdt@trade", "BTCUSDT", 0, 11),
        gap_id("binance", "spot", "btcusdt@trade", "BTCUSDT", 0, None),
    }

    assert len(ids) == 6


def test_a_digest_is_the_beginning_of_a_sha_256() -> None:
    # printf 'gap|opened' | sha256sum
    assert digest("gap", "opened") == "63efe846b9f4319e"
