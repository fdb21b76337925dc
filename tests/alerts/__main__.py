"""`make test-alerts`: each cause makes its alerts fire in a real Prometheus, and they end with it.

Before that a healthy run, in which none fires (that of the event loop may where other programs take
the CPU, and is told), and in which every query of the dashboards and every series that an alert
reads has an answer.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from connector.cli.console import out
from connector.lab.real_kafka import RealKafka
from tests.alerts.account_scenarios import ACCOUNT_SCENARIOS
from tests.alerts.answered import unanswered
from tests.alerts.prometheus import Prometheus
from tests.alerts.scenario import AlertScenario
from tests.alerts.scenarios import SCENARIOS
from tests.alerts.stage import AlertStage, NotSeen
from tools import get

HEALTHY_S = 180.0
OF_THE_MACHINE = {"BkcEventLoopBlocked"}  # it is right where a worker gets too little CPU
ALL = (*ACCOUNT_SCENARIOS, *SCENARIOS)


async def healthy(stage: AlertStage, seconds: float) -> str | None:
    """Let the workers run under load; return what fired, but for what the machine itself causes."""
    deadline, of_machine = time.monotonic() + seconds, set[str]()
    while time.monotonic() < deadline:
        firing = await stage.prometheus.firing()
        if wrong := {name: firing[name] for name in firing if name not in OF_THE_MACHINE}:
            return f"fired in the healthy run: {wrong}"
        of_machine |= firing.keys()
        await asyncio.sleep(1.0)
    if of_machine:
        out.print(f"        {sorted(of_machine)} fired: other programs take the CPU", markup=False)
    return None


async def play(stage: AlertStage, scenario: AlertScenario) -> str | None:
    """Cause it, see its alerts fire, undo it, see them end; return what went wrong."""
    try:
        await stage.gone(*scenario.alerts)
        await stage.until_scraped()
        await scenario.act(stage)
    except Exception as error:  # noqa: BLE001 - the next scenario is run all the same
        return f"{type(error).__name__}: {str(error)[-500:]}"
    finally:
        stage.undo()
    return None


async def run(program: Path, folder: Path, healthy_s: float, chosen: Sequence[str]) -> int:
    """Run everything; return how much went wrong."""
    kafka, prometheus = RealKafka(), Prometheus(program, folder)
    stage = AlertStage(folder, kafka, prometheus)
    played = [each for each in ALL if any(text in each.name for text in chosen or ("",))]
    await kafka.start()
    await prometheus.start()
    try:
        await stage.start()
        await stage.gone("BkcAbsent")  # of the time before the workers were scraped
        failures = _tell("healthy", healthy_s, await healthy(stage, healthy_s))
        missing = await unanswered(prometheus)
        failures += _tell("every query has an answer", 0.0, "; ".join(missing) or None)
        failures += await play_all(stage, played)
    finally:
        await stage.close()
        await prometheus.stop()
        await kafka.stop()
    return failures


async def play_all(stage: AlertStage, played: Sequence[AlertScenario]) -> int:
    """Play scenarios one after another, and let their alerts end; return how many fail."""
    failures = 0
    for scenario in played:
        began = time.monotonic()
        problem = await play(stage, scenario)
        failures += _tell(scenario.name, time.monotonic() - began, problem, scenario.alerts)
    began = time.monotonic()
    try:
        await stage.gone(*(alert for scenario in played for alert in scenario.alerts))
        problem = None
    except NotSeen as error:
        problem = str(error)
    return failures + _tell("all of them end", time.monotonic() - began, problem)


def _tell(name: str, seconds: float, problem: str | None, fired: tuple[str, ...] = ()) -> int:
    outcome = problem or " ".join(fired) or "ok"
    out.print(
        f"{'FAILED' if problem else 'passed'}  {name} ({seconds:.0f} s): {outcome}", markup=False
    )
    return problem is not None


def main() -> int:
    """Run the scenarios and return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--healthy", type=float, default=HEALTHY_S, help="seconds of it")
    parser.add_argument("--only", nargs="*", help="scenarios whose names hold one of these")
    parser.add_argument("--prometheus", type=Path, help="another program than the pinned one")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bkc-alerts-") as folder:
        program = options.prometheus or get.get("prometheus")
        failed = asyncio.run(run(program, Path(folder), options.healthy, options.only or ()))
    out.print(f"{time.monotonic() - began:.0f} s, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
