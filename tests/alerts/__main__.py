"""`make test-alerts`: each cause makes its alerts fire in a real Prometheus, and they end with it.

Before that a healthy run, in which none fires.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from connector.cli.console import out
from connector.lab.real_kafka import RealKafka
from tests.alerts.prometheus import Prometheus
from tests.alerts.rules import alerts
from tests.alerts.scenarios import NOT_CAUSED, SCENARIOS, AlertScenario
from tests.alerts.stage import AlertStage, NotSeen
from tools import get

HEALTHY_S = 180.0


async def healthy(stage: AlertStage, seconds: float) -> str | None:
    """Let the worker run under load; return what fired."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if firing := await stage.look():
            return f"fired in the healthy run: {firing}"
        await asyncio.sleep(1.0)
    return None


async def play(stage: AlertStage, scenario: AlertScenario) -> str | None:
    """Cause it, see its alerts fire, undo it, see them end; return what went wrong."""
    try:
        await stage.gone(*scenario.alerts)
        await stage.until_scraped()
        await scenario.act(stage)
    except Exception as error:  # noqa: BLE001 - the next scenario is run all the same
        return f"{type(error).__name__}: {str(error)[-500:]}"
    return None


async def run(program: Path, folder: Path, healthy_s: float, chosen: str) -> int:
    """Run everything; return how much went wrong."""
    kafka, prometheus = RealKafka(), Prometheus(program, folder)
    stage, failures = AlertStage(folder, kafka, prometheus), 0
    played = [each for each in SCENARIOS if chosen in each.name]
    await kafka.start()
    await prometheus.start()
    try:
        await stage.start()
        await stage.gone("BkcAbsent")  # of the time before the worker was scraped
        failures += _tell("healthy", healthy_s, await healthy(stage, healthy_s))
        for scenario in played:
            began = time.monotonic()
            problem = await play(stage, scenario)
            failures += _tell(scenario.name, time.monotonic() - began, problem, scenario.alerts)
        caused = {alert for scenario in played for alert in scenario.alerts}
        try:
            await stage.gone(*caused)
            failures += _tell("all of them end", 0.0, None)
        except NotSeen as error:
            failures += _tell("all of them end", 0.0, str(error))
    finally:
        await stage.close()
        await prometheus.stop()
        await kafka.stop()
    return failures


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
    parser.add_argument("--only", default="", help="scenarios whose names hold this")
    parser.add_argument("--prometheus", type=Path, help="another program than the pinned one")
    options = parser.parse_args()
    uncaused = set(alerts()) - {alert for each in SCENARIOS for alert in each.alerts}
    assert uncaused == NOT_CAUSED, uncaused ^ NOT_CAUSED
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bkc-alerts-") as folder:
        program = options.prometheus or get.get("prometheus")
        failed = asyncio.run(run(program, Path(folder), options.healthy, options.only))
    out.print(f"{time.monotonic() - began:.0f} s, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
