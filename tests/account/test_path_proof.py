import pytest

from connector.account.path_proof import (
    CHANGE_QUERIES,
    TOLERANCE_MS,
    PathProof,
    newest_change_ms,
    type_and_time,
)
from connector.binance.account_queries import QUERIES

NOW_MS = 1_795_000_000_000


def based() -> PathProof:
    proof = PathProof()
    proof.rebase(NOW_MS)
    return proof


def test_nothing_is_missing_before_the_first_comparison() -> None:
    assert not PathProof().lacks(NOW_MS)


def test_a_change_without_an_event_after_it_is_missing() -> None:
    assert based().lacks(NOW_MS + TOLERANCE_MS + 1)


def test_what_changed_before_the_path_was_there_is_not_missing() -> None:
    assert not based().lacks(NOW_MS)


@pytest.mark.parametrize(("event_ms", "lacks"), [(60_000, False), (57_999, True)])
def test_an_event_proves_the_path_until_its_time(event_ms: int, lacks: bool) -> None:
    proof = based()
    proof.on_event(NOW_MS + event_ms)

    assert proof.lacks(NOW_MS + 60_000) is lacks


def test_an_older_event_takes_no_proof_away() -> None:
    proof = based()
    proof.on_event(NOW_MS + 60_000)
    proof.on_event(NOW_MS)

    assert not proof.lacks(NOW_MS + 60_000)


def test_after_a_verdict_it_is_compared_anew() -> None:
    proof = based()
    proof.judge_mute()

    assert not proof.lacks(NOW_MS + 60_000)


def test_verdicts_that_lead_nowhere_become_rare_until_an_event_comes() -> None:
    proof = based()
    rests = []
    for _ in range(8):
        rests.append(proof.rest_s(60.0))
        proof.judge_mute()

    assert rests == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0, 3840.0]
    proof.on_event(NOW_MS)
    assert proof.rest_s(60.0) == 60.0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"updateTime":7,"balances":[{"asset":"BTC"}]}', 7),
        (b'[{"asset":"BTC","updateTime":5},{"updateTime":9},{"asset":"ETH"}]', 9),
        (b"[]", 0),
        (b"<html>", None),
        (b'{"updateTime":"soon"}', None),
    ],
)
def test_the_newest_change_is_read_from_either_shape(body: bytes, expected: int | None) -> None:
    assert newest_change_ms(body) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"e":"ACCOUNT_UPDATE","E":5,"T":4}', ("ACCOUNT_UPDATE", 5)),
        (b'{"e":"x"}', ("x", 0)),
        (b'{"e":1}', ("", 0)),
        (b"\xff", ("", 0)),
    ],
)
def test_type_and_time_of_an_event(payload: bytes, expected: tuple[str, int]) -> None:
    assert type_and_time(payload) == expected


def test_the_weights_are_those_of_the_reconciliation() -> None:
    markets = [market for each in QUERIES.values() for market in each]
    weights = {kind.path: kind.weight for market in markets for kind in market.kinds.values()}
    known = [query for query in CHANGE_QUERIES.values() if query.path in weights]

    assert len(known) >= 3
    assert all(query.weight == weights[query.path] for query in known)
