"""What a doctor finds of memory and open files."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.diagnostics.doctor.machine import BASE_BYTES, check_files, check_memory, memory_limit

HOLD = 256_000_000


def test_memory_for_hold_and_the_rest_is_enough() -> None:
    result = check_memory(HOLD, HOLD + BASE_BYTES, "this machine")

    assert (result.status, result.text) == (
        "ok",
        "hold 256 MB and 150 MB beside it; this machine has 406 MB",
    )


def test_less_memory_fails_with_both_cures() -> None:
    result = check_memory(HOLD, 300_000_000, "this container")

    assert result.status == "fail"
    assert result.text.endswith(
        "this container has 300 MB: with Kafka away the process would be killed"
    )
    assert result.cure == "set hold to 150MB, or the limit to 406 MB or more"


def test_a_limit_below_what_the_process_needs_cannot_be_cured_by_hold() -> None:
    assert check_memory(1, 100_000_000, "x").cure == "set the limit to 150 MB or more"


def test_memory_that_is_not_known_is_said_to_be() -> None:
    assert check_memory(HOLD, None, "").status == "cannot tell"


def test_more_than_this_machine_has_fails() -> None:
    """The one cause of it that needs no container."""
    limit, place = memory_limit()
    assert limit is not None

    assert check_memory(limit, limit, place).status == "fail"


def group(folder: Path, path: str, name: str, limit: str) -> None:
    (folder / path).mkdir(parents=True, exist_ok=True)
    (folder / path / name).write_text(f"{limit}\n")


def limit_of(folder: Path, own: str) -> tuple[int | None, str]:
    path = folder / "own"
    path.write_text(own)
    limit, place = memory_limit(folder, path)
    return limit, place.replace(str(folder), "")


def test_the_smallest_limit_of_the_groups_around_us_counts(tmp_path: Path) -> None:
    group(tmp_path, "pod", "memory.max", "700000000")
    group(tmp_path, "pod/worker", "memory.max", "max")
    group(tmp_path, "other", "memory.max", "5")

    assert limit_of(tmp_path, "0::/pod/worker\n") == (
        700_000_000,
        "this container (/pod/memory.max)",
    )


def test_the_first_version_of_groups_is_read_too(tmp_path: Path) -> None:
    group(tmp_path / "memory", "pod", "memory.limit_in_bytes", "600000000")
    group(tmp_path / "memory", ".", "memory.limit_in_bytes", "9223372036854771712")

    assert limit_of(tmp_path, "3:cpu,memory:/pod\n2:pids:/pod\n") == (
        600_000_000,
        "this container (/memory/pod/memory.limit_in_bytes)",
    )


def test_a_system_without_groups_has_its_memory_alone(tmp_path: Path) -> None:
    limit, place = memory_limit(tmp_path, tmp_path / "none")

    assert (limit is not None, place) == (True, "this machine")


@pytest.fixture
def few_files() -> Iterator[int]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_more_connections_than_open_files_fails_with_the_command(few_files: int) -> None:
    enough, too_many = check_files(448), check_files(449)

    assert enough.status == "ok"
    assert enough.text == (
        f"up to 1024 open files are needed (connections: 448); the limit is {few_files}"
    )
    assert too_many.status == "fail"
    assert too_many.cure == "ulimit -n 1026 before the start; in a systemd unit LimitNOFILE=1026"
