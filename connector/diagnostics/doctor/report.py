"""What a doctor found: one result for each thing it looked at, as lines and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from connector.errors import Retry

CheckStatus = Literal["ok", "warn", "fail", "cannot tell"]
STATUSES: tuple[CheckStatus, ...] = ("ok", "warn", "fail", "cannot tell")
MAX_NAMES = 8
FOUND, UNREACHABLE = 1, 3  # exit codes


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at.

    Attributes:
        check: Its name, such as `kafka.encryption`; the same in every version.
        status: `cannot tell`: what was seen proves nothing; `text` says why.
        text: What was found. No secret.
        cure: What to do, mostly a command; "": nothing, or the text has it.
        unreachable: A server did not answer; true for `cannot tell` alone.
    """

    check: str
    status: CheckStatus
    text: str
    cure: str = ""
    unreachable: bool = False


def unreachable(check: str, error: Retry) -> CheckResult:
    """Return the result of a check whose server does not answer."""
    return CheckResult(check, "cannot tell", str(error), unreachable=True)


def enumerated(names: Sequence[str]) -> str:
    """Return names for a line: the first MAX_NAMES, and how many there are beside."""
    shown, more = ", ".join(names[:MAX_NAMES]), len(names) - MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def lines_of(results: Sequence[CheckResult]) -> list[str]:
    """Return a line for each result, and their sum."""
    width = max(map(len, STATUSES))
    lines = [f"{result.status:<{width}}  {result.check}: {_sentence(result)}" for result in results]
    counts = Counter(result.status for result in results)
    total = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    return [*lines, total]


def _sentence(result: CheckResult) -> str:
    return f"{result.text}; cure: {result.cure}" if result.cure else result.text


def as_json(results: Sequence[CheckResult], *, strict: bool = False) -> dict[str, Any]:
    """Return the results and the exit code as JSON types."""
    checks = [asdict(result) for result in results]
    return {"checks": checks, "exit_code": exit_code(results, strict=strict)}


def exit_code(results: Sequence[CheckResult], *, strict: bool = False) -> int:
    """Return 1 if a result is `warn` or `fail`, else 3 if a server did not answer, else 0.

    `strict`: `cannot tell` counts as found.
    """
    statuses = {result.status for result in results}
    if statuses & {"warn", "fail"}:
        return FOUND
    if any(result.unreachable for result in results):
        return UNREACHABLE
    return FOUND if strict and "cannot tell" in statuses else 0
