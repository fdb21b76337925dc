"""Who has written last, by what the progress topic says."""

from typing import Any

from connector.kafka.checkpoint_store import last_writer


def progress(run: str, number: int) -> dict[str, Any]:
    return {"run": run, "commit_number": number}


def test_a_series_of_ours_that_another_run_has_written_since_means_a_newer_writer() -> None:
    found = {"a": progress("mine", 7), "b": progress("theirs", 1)}

    assert last_writer(found, "mine", {"a": 1, "b": 2}, 5).other is True


def test_what_another_run_wrote_before_us_means_nothing() -> None:
    found = {"a": progress("mine", 7), "b": progress("before", 90)}

    assert last_writer(found, "mine", {"a": 1}, 5).other is False


def test_a_series_whose_progress_we_may_not_have_stored_proves_nothing() -> None:
    found = {"a": progress("mine", 5), "b": progress("before", 90)}

    assert last_writer(found, "mine", {"a": 1, "b": 6}, 5).other is False


def test_the_newest_of_our_transactions_that_is_stored_is_known() -> None:
    found = {"a": progress("mine", 7), "b": progress("mine", 9), "c": progress("before", 90)}

    assert last_writer(found, "mine", {"a": 1, "b": 2}, 8).commits == 9
