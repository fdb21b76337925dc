"""The bars of a run: what must hold, and which of it does not. Pure.

What a reader finds is judged at once. Times are a promise about a machine of one's own, and so is
what REST gives back in the time allowed: the exchange forgets meanwhile. A run that misses nothing
but these beside others is made again by itself, and that run is judged.
"""

from tests.chaos.outcome import Result
from tests.chaos.scenario import Scenario

ROUND_TRIP_S = 0.05  # on one machine


def missed(scenario: Scenario, result: Result) -> list[str]:
    """Return what does not hold, as sentences; empty: all is well."""
    score = result.score
    failures = [
        f"{number} {what}"
        for number, what in (
            (score.unmarked, "lost without a marker"),
            (score.repeats, "repeats"),
        )
        if number
    ]
    if not score.made:
        failures.append("nothing was made")
    if scenario.planned and (score.missing or score.backfilled):
        failures.append(f"planned, yet {score.missing} missing and {score.backfilled} backfilled")
    if scenario.planned and result.reasons:
        failures.append(f"planned, yet gaps are marked: {dict(result.reasons)}")
    if scenario.dead_letters and not result.dead_letters:
        failures.append("no dead letter")
    return [*failures, *result.disagrees, *result.ended]


def late(scenario: Scenario, result: Result) -> list[str]:
    """Return what was too late, as sentences; empty: nothing was."""
    unfilled = result.score.unfilled
    failures = [f"{unfilled} not filled though REST has them"] if unfilled else []
    blind_s, bound = result.score.blind_ms / 1000, scenario.blind_under_s
    if bound is not None and blind_s > bound + ROUND_TRIP_S:
        failures.append(f"blind for {blind_s:.2f} s, bound {bound:.0f} s")
    bound = scenario.notice_under_s
    if bound is not None and (result.notice_s is None or result.notice_s > bound):
        shown = "never" if result.notice_s is None else f"after {result.notice_s:.2f} s"
        failures.append(f"noticed {shown}, bound {bound:.0f} s")
    return failures
