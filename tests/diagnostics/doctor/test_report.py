"""A doctor's results as lines, JSON and an exit code."""

import pytest

from connector.diagnostics.doctor.report import (
    CheckResult,
    as_json,
    exit_code,
    lines_of,
    unreachable,
)
from connector.errors import Retry

OK = CheckResult("a", "ok", "good")
WARN = CheckResult("b", "warn", "odd", "mend it")
FAIL = CheckResult("c", "fail", "bad", "mend it now")
UNKNOWN = CheckResult("d", "cannot tell", "not shown")
AWAY = unreachable("e", Retry("kafka:9092: nobody answers"))


def test_each_result_is_a_line_with_its_cure_and_the_last_one_counts_them() -> None:
    assert lines_of([OK, WARN, FAIL, UNKNOWN, AWAY]) == [
        "ok           a: good",
        "warn         b: odd; cure: mend it",
        "fail         c: bad; cure: mend it now",
        "cannot tell  d: not shown",
        "cannot tell  e: kafka:9092: nobody answers",
        "1 ok, 1 warn, 1 fail, 2 cannot tell",
    ]


@pytest.mark.parametrize(
    ("results", "code", "strict_code"),
    [
        ([OK], 0, 0),
        ([OK, WARN], 1, 1),
        ([OK, FAIL], 1, 1),
        ([OK, UNKNOWN], 0, 1),
        ([OK, AWAY], 3, 3),
        ([OK, AWAY, FAIL], 1, 1),
    ],
)
def test_the_exit_code_says_what_is_worst(
    results: list[CheckResult], code: int, strict_code: int
) -> None:
    assert exit_code(results) == code
    assert exit_code(results, strict=True) == strict_code


def test_as_json_every_result_has_its_parts() -> None:
    assert as_json([WARN]) == {
        "checks": [
            {
                "check": "b",
                "status": "warn",
                "text": "odd",
                "cure": "mend it",
                "unreachable": False,
            }
        ],
        "exit_code": 1,
    }
