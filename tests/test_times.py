"""Times on the command line: what is read, and what is refused with its cure."""

import pytest

from connector.cli.times import millis
from connector.errors import Refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("1795564800000", 1_795_564_800_000),
        ("2026-11-25", 1_795_564_800_000),
        ("2026-11-25T00:00Z", 1_795_564_800_000),
        ("2026-11-25T08:00:00.001+08:00", 1_795_564_800_001),
    ],
)
def test_times_are_iso_8601_or_epoch_milliseconds(text: str | None, expected: int | None) -> None:
    assert millis(text, "--from") == expected


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("20261125", "write 2026-11-25"),
        ("1795564800", r"write 2026-11-25T08:00 \(UTC\) or epoch milliseconds \(13 digits\)"),
        ("99999999999999999999", "13 digits"),
        ("9" * 5_000, "13 digits"),
        ("0001-01-01", "13 digits"),
        ("9999-12-31T23:59:59-14:00", "13 digits"),
        ("²", "13 digits"),
        ("", "13 digits"),
    ],
)
def test_what_is_no_time_is_refused_with_its_cure(text: str, cure: str) -> None:
    with pytest.raises(Refused, match=f"^--from '.*' is no time: .*{cure}"):
        millis(text, "--from")
