"""Progress and checkpoints, as fastavro reads them."""

from hypothesis import given
from hypothesis import strategies as st

from connector.codec.progress import CheckpointEncoder, ProgressEncoder, RunIdentity
from connector.codec.schema import load
from tests.support import avro_oracle

LONGS = st.integers(-(2**63), 2**63 - 1)
FILLINGS = st.fixed_dictionaries(
    {"gap_id": st.text(max_size=20), "filled_to": LONGS, "recovered": LONGS, "gone": LONGS}
)
TIMES = st.integers(0, 4_000_000_000_000)
IDENTITY = RunIdentity(2, "market", "ab12", generation=5)


@given(
    st.one_of(st.none(), LONGS),
    st.one_of(st.none(), TIMES),
    st.one_of(st.none(), TIMES),
    st.lists(st.text(max_size=20), max_size=5),
    st.integers(0, 5),
    TIMES,
    st.integers(0, 2**40),
    st.lists(FILLINGS, max_size=3),
)
def test_progress_is_read_back_equal(
    last_id: int | None,
    last_time: int | None,
    until: int | None,
    gaps: list[str],
    epoch: int,
    written: int,
    number: int,
    fillings: list[dict[str, object]],
) -> None:
    encoder = ProgressEncoder(7, IDENTITY)
    head = encoder.head("spot", "btcusdt@trade", "BTCUSDT", "trade", "binance.spot.trade")

    state = (last_id, last_time, until, gaps, epoch, written)
    framed = encoder.encode(head, *state, commit_number=number, series_number=41, fillings=fillings)

    assert framed[:5] == b"\x00\x00\x00\x00\x07"
    assert avro_oracle.read_avro(load("progress"), framed) == {
        "product": "spot",
        "stream_name": "btcusdt@trade",
        "symbol": "BTCUSDT",
        "kind": "trade",
        "topic": "binance.spot.trade",
        "last_id": last_id,
        "last_time": None if last_time is None else avro_oracle.at(last_time),
        "complete_until": None if until is None else avro_oracle.at(until),
        "open_gaps": gaps,
        "id_epoch": epoch,
        "written_time": avro_oracle.at(written),
        "shard": 2,
        "instance": "market",
        "run": "ab12",
        "commit_number": number,
        "fillings": fillings,
        "generation": 5,
        "series_number": 41,
    }


@given(
    st.integers(0, 2**40),
    TIMES,
    st.lists(st.tuples(st.integers(1, 2**31 - 1), st.one_of(st.none(), LONGS), TIMES), max_size=9),
    st.one_of(st.none(), st.integers(0, 2**40)),
)
def test_a_checkpoint_is_read_back_equal(
    number: int,
    written: int,
    positions: list[tuple[int, int | None, int]],
    waiting: int | None,
) -> None:
    framed = CheckpointEncoder(8, IDENTITY).encode(number, written, positions, waiting)

    assert framed[:5] == b"\x00\x00\x00\x00\x08"
    assert avro_oracle.read_avro(load("checkpoint"), framed) == {
        "instance": "market",
        "shard": 2,
        "run": "ab12",
        "generation": 5,
        "commit_number": number,
        "written_time": avro_oracle.at(written),
        "advanced": [
            {"series_number": series, "last_id": last, "behind_ms": written - time}
            for series, last, time in positions
        ],
        "waiting_ms": waiting,
    }
