"""Looks at what this machine, or container, lets the process have: memory and open files."""

import os
import resource
from pathlib import Path

from connector.diagnostics.doctor.report import CheckResult

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
# Beside `hold`: 113 MB were measured under load (docs/deploy.md).
BASE_BYTES = 150_000_000
# Of a connection: its own, and one that takes over from it or probes it.
FILES_OF_A_CONNECTION = 2
OTHER_FILES = 128  # Kafka's brokers, REST, the registry, probes, libraries


def check_memory(hold: int, limit: int | None, place: str) -> CheckResult:
    """Compare memory with the bytes of frames that are kept while Kafka is away.

    `limit`: bytes the process may have; None: not known. `place`: whose limit that is.
    """
    check, need = "machine.memory", hold + BASE_BYTES
    if limit is None:
        return CheckResult(check, "cannot tell", "this system does not say how much memory it has")
    text = f"hold {_mb(hold)} MB and {_mb(BASE_BYTES)} MB beside it; {place} has {_mb(limit)} MB"
    if limit >= need:
        return CheckResult(check, "ok", text)
    text += ": with Kafka away the process would be killed"
    cure = (
        f"set hold to {max(1, _mb(limit - BASE_BYTES))}MB, or the limit to {_mb(need)} MB or more"
    )
    if limit <= BASE_BYTES:
        cure = f"set the limit to {_mb(need)} MB or more"
    return CheckResult(check, "fail", text, cure)


def _mb(count: int) -> int:
    return round(count / 1_000_000)


def memory_limit(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> tuple[int | None, str]:
    """Return how many bytes the process may have, and whose limit that is."""
    groups = _cgroup_limits(cgroups, own)
    limits = [(limit, f"this container ({path})") for path, limit in groups]
    try:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # not every system has them
        pages = 0
    if pages > 0:
        limits.append((pages, "this machine"))
    return min(limits) if limits else (None, "")


def _cgroup_limits(cgroups: Path, own: Path) -> list[tuple[Path, int]]:
    """Return the limits of our control group and of those around it, of both versions."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    found: list[tuple[Path, int]] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        folders = [each for each in (group, *group.parents) if each.is_relative_to(root)]
        found += [(each / name, limit) for each in folders if (limit := _number(each / name))]
    return found


def _number(path: Path) -> int | None:
    """Return a limit; None: there is none, or no such file."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def check_files(connections: int) -> CheckResult:
    """Compare the limit on open files with the connections of a plan."""
    check = "machine.files"
    need = FILES_OF_A_CONNECTION * connections + OTHER_FILES
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"up to {need} open files are needed (connections: {connections}); the limit is {soft}"
    if soft in (resource.RLIM_INFINITY, -1):
        return CheckResult(check, "ok", "open files are not limited")
    if soft >= need:
        return CheckResult(check, "ok", text)
    cure = f"ulimit -n {need} before the start; in a systemd unit LimitNOFILE={need}"
    return CheckResult(check, "fail", text, cure)
