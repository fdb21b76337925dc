"""Values of a call that an error repeats are hidden, however it writes them."""

import pytest

from connector.transport.hidden_values import without_values

SIGNATURE = "aB/cD+eF/gH=iJkLmNoPq=="


@pytest.mark.parametrize(
    "written",
    [SIGNATURE, "aB%2FcD%2BeF%2FgH%3DiJkLmNoPq%3D%3D", SIGNATURE.replace("/", "\\/")],
    ids=["decoded", "as sent", "in JSON"],
)
def test_a_long_value_is_hidden(written: str) -> None:
    sent = "aB%2FcD%2BeF%2FgH%3DiJkLmNoPq%3D%3D"

    assert without_values(f"bad: {written}!".encode(), [sent]) == b"bad: ***!"


def test_a_short_value_stays() -> None:
    assert without_values(b"symbol BTCUSDT", ["BTCUSDT", ""]) == b"symbol BTCUSDT"
