"""Whatever JSON comes: it becomes a record that reads back, or a bad message."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.account.envelope import unwrap_user_frame
from connector.binance.account_events import LAYOUTS
from connector.errors import BadMessage
from tests.support.account import record_of, shown
from tests.support.thorough import examples

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*.json"))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["0", "-1", "1e400", "9" * 40, "1_0", " 1", "TRADE"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FEW = settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))


@given(raw=st.binary(max_size=60))
@FEW
def test_any_bytes_are_a_record_or_a_bad_message(raw: bytes) -> None:
    try:
        record = record_of("spot", raw)
    except BadMessage:
        return
    assert shown(record)["raw_json"] == unwrap_user_frame(raw).payload.decode()


@given(path=st.sampled_from(SAMPLES), data=st.data())
@settings(FEW, max_examples=examples(300))
def test_any_value_at_any_place_is_kept(path: Path, data: st.DataObject) -> None:
    """Whatever Binance changes in an event: it becomes a record, with all of it in raw_json."""
    product: Any = path.parent.name
    frame = json.loads(path.read_text())["frame"]
    event = frame.get("event") or frame.get("data") or frame
    places = list(_places(event))
    holder, key = data.draw(st.sampled_from([place for place in places if place[1] != "e"]))
    holder[key] = data.draw(VALUES)
    raw = json.dumps(event).encode()

    record = record_of(product, raw)

    found = shown(record)
    assert found["event_type"] == event["e"]
    assert record.is_known
    assert json.loads(found["raw_json"]).keys() == event.keys()


def _places(node: Any) -> Any:
    keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from _places(node[key])


@given(
    product=st.sampled_from(sorted({layout.product for layout in LAYOUTS})),
    event=st.dictionaries(st.text(max_size=4), VALUES, max_size=5),
    name=st.text(min_size=1, max_size=30),
)
@FEW
def test_any_event_of_any_type_is_kept(product: Any, event: dict[str, Any], name: str) -> None:
    raw = json.dumps(event | {"e": name}).encode()

    record = record_of(product, raw)

    assert json.loads(shown(record)["raw_json"])["e"] == name
