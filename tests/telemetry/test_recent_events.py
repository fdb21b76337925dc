"""What the log's memory keeps, and counts."""

from connector.telemetry.recent_events import MAX_EVENTS, RecentEvents


def test_warnings_and_errors_are_kept_with_their_fields_and_all_lines_are_counted() -> None:
    recent = RecentEvents()
    line = {"event": "kafka_trouble", "level": "warning", "timestamp": "t", "cause": "away"}

    assert recent(None, "warning", line) is line
    recent(None, "info", {"event": "started", "level": "info", "timestamp": "t"})

    [kept] = recent.newest
    assert (kept.event, kept.level, kept.time, kept.fields) == (
        "kafka_trouble",
        "warning",
        "t",
        {"cause": "away"},
    )
    assert recent.lines == {"warning": 1, "info": 1}


def test_the_newest_lines_stay() -> None:
    recent = RecentEvents()
    for number in range(MAX_EVENTS + 1):
        recent(None, "error", {"event": f"e{number}", "level": "error", "timestamp": "t"})

    assert (len(recent.newest), recent.newest[0].event) == (MAX_EVENTS, "e1")


def test_of_a_librarys_line_the_parts_of_structlog_are_left_out() -> None:
    recent = RecentEvents()
    line = {"event": "library_message", "level": "warning", "timestamp": "t", "text": "x"}
    recent(None, "warning", line | {"_record": object(), "_from_structlog": False})

    assert recent.newest[0].fields == {"text": "x"}


def test_an_exception_is_kept_as_text() -> None:
    recent = RecentEvents()
    error = ValueError("odd")
    line = {"event": "failed", "level": "error", "timestamp": "t", "exc_info": error}
    recent(None, "error", line)

    assert recent.newest[0].fields == {"error": "ValueError('odd')"}


def test_what_is_logged_again_is_kept_once_as_the_newest_with_its_count() -> None:
    recent = RecentEvents()
    lines = [("waits", "busy", 1.0), ("lost", "reset", 2.0), ("waits", "busy", 3.0)]
    lines += [("waits", "banned", 4.0), ("waits", "busy", 5.0)]
    for event, cause, seconds in lines:
        line = {"event": event, "level": "warning", "timestamp": f"t{seconds:.0f}"}
        recent(None, "warning", line | {"cause": cause, "seconds": seconds})

    kept = [(each.time, each.event, each.fields["cause"], each.count) for each in recent.newest]
    assert kept == [
        ("t2", "lost", "reset", 1),
        ("t4", "waits", "banned", 1),
        ("t5", "waits", "busy", 3),
    ]
    assert recent.newest[-1].fields["seconds"] == 5.0
    assert recent.lines == {"warning": 5}
