"""Every event as it is logged, against what docs/logs.md says of it."""

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest
from structlog.testing import capture_logs

from connector.continuity.gap_account import GapReport
from connector.telemetry import events
from tools.logs_page import EXCEPTION, LogEvent, sections

EVENTS = [each for section in sections().values() for each in section]


def sample(hint: Any) -> Any:
    """Return a value of a parameter's type."""
    if hint in (str, int, float, bool):
        return hint(1)
    if hint is GapReport:
        empty = {"gaps": 1, "missing": 1, "uncounted": 0, "recovered": 0}
        return GapReport(**empty, by_kind={}, becomes={})
    if getattr(hint, "__origin__", None) is list:
        return ["x"]
    if getattr(hint, "__origin__", None) is Mapping:
        return {"x": 1}
    return ValueError("x") if "BaseException" in str(hint) else None


def logged(each: LogEvent) -> dict[str, Any]:
    """Call an event's function; return the line."""
    function = getattr(events, each.function)
    hints = get_type_hints(function)
    named = {
        name: sample(hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    with capture_logs() as lines:
        function(**named)
    [line] = lines
    return dict(line)


@pytest.mark.parametrize("each", EVENTS, ids=lambda each: str(each.function))
def test_an_event_has_the_name_the_level_and_the_fields_that_its_page_says(each: LogEvent) -> None:
    line = logged(each)
    event, level = line.pop("event"), line.pop("log_level")
    if "exc_info" in line:
        line[EXCEPTION] = line.pop("exc_info")

    assert (event, level in each.levels) == (each.event, True)
    fields = {name for name in each.fields if not name.startswith("**")}
    open_ = len(fields) < len(each.fields)  # `**name`: the caller's own
    assert fields <= line.keys() if open_ else fields == line.keys(), line
    assert each.when != ""


def test_every_event_is_logged_from_somewhere() -> None:
    assert [each.function for each in EVENTS if not each.modules] == []
