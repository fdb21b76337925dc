"""`make chaos`: every fault against a real broker; the table goes to docs/integrity.md."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path

from connector.cli.console import err, out
from connector.lab.real_kafka import RealKafka
from tests.chaos import page
from tests.chaos.account_scenarios import account_scenarios
from tests.chaos.account_stage import AccountScenario, AccountStage, late_account, missed_bars
from tests.chaos.bars import late, missed
from tests.chaos.page import AccountLine, AnyLine, Line
from tests.chaos.scenario import Scenario
from tests.chaos.scenarios import scenarios
from tests.chaos.stage import Stage

LONGEST_S = 240.0  # of one scenario
AnyScenario = Scenario | AccountScenario
AGAIN = "again"  # folder of what is run again by itself
AT_ONCE = 2  # lines of market data, beside one of accounts and one that makes Kafka suffer


async def play(scenario: Scenario, kafka: RealKafka, folder: Path) -> Line:
    """Run one scenario and judge it."""
    folder /= scenario.name
    options = scenario.more, scenario.misaligned, scenario.silent_at_edges, scenario.rate
    stage = Stage(scenario.name, folder, kafka, *options)
    stage.folder.mkdir()
    try:
        async with asyncio.timeout(LONGEST_S):
            await stage.registry.start()
            await stage.exchange.start()
            await scenario.act(stage)
            await stage.healed(scenario.allowed_s)
            await stage.finish()
            result = await stage.result()
            return Line(scenario, result, missed(scenario, result), late(scenario, result))
    except Exception as error:  # noqa: BLE001 - the next scenario is run all the same
        return Line(scenario, None, [f"{type(error).__name__}: {str(error)[-600:]}"], [])
    finally:
        await stage.close()


async def play_account(scenario: AccountScenario, kafka: RealKafka, folder: Path) -> AccountLine:
    """Run one scenario of accounts and judge it."""
    stage = AccountStage(scenario.name, folder / scenario.name, kafka)
    began = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_S):
            await stage.start()
            await scenario.act(stage)
            result = await stage.result()
        failures, slow = missed_bars(scenario, result), late_account(result)
    except Exception as error:  # noqa: BLE001 - the next scenario is run all the same
        result, failures, slow = None, [f"{type(error).__name__}: {str(error)[-600:]}"], []
    finally:
        await stage.close()
    return AccountLine(scenario, result, failures, slow, time.monotonic() - began)


async def lane(group: list[AnyScenario], at_once: int, folder: Path) -> list[AnyLine]:
    """Run scenarios on a broker of their own, `at_once` of them at a time."""
    kafka, few = RealKafka(), asyncio.Semaphore(at_once)

    async def line_of(scenario: AnyScenario) -> AnyLine:
        line: AnyLine
        async with few:
            if isinstance(scenario, AccountScenario):
                line = await play_account(scenario, kafka, folder)
            else:
                line = await play(scenario, kafka, folder)
        page.tell(out, line)
        return line

    if not group:
        return []
    try:
        await kafka.start()
        return list(await asyncio.gather(*map(line_of, group)))
    finally:
        await kafka.stop()


async def run(chosen: list[AnyScenario], folder: Path) -> list[AnyLine]:
    """Run scenarios side by side.

    Those that make Kafka suffer, and those of accounts, have brokers of their own, in turn. What
    was only slow is run again by itself (see bars.py).
    """

    alone = [scenario for scenario in chosen if scenario.alone]
    accounts, together = (
        [each for each in chosen if isinstance(each, AccountScenario) is own and not each.alone]
        for own in (True, False)
    )
    groups = (together, AT_ONCE), (alone, 1), (accounts, 1)
    lines = list(chain(*await asyncio.gather(*(lane(*group, folder) for group in groups))))
    slow = [line.scenario for line in lines if line.late and not line.missed]
    again = await lane(slow, 1, folder / AGAIN)
    lines = [line for line in lines if line.scenario not in slow] + again
    return sorted(lines, key=lambda line: chosen.index(line.scenario))


def all_scenarios(*, is_long: bool = False) -> list[AnyScenario]:
    """Return the faults of market data, then those of accounts."""
    return [*scenarios(is_long=is_long), *account_scenarios(is_long=is_long)]


def main() -> int:
    """Parse, run, print, write the page; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    names = [scenario.name for scenario in all_scenarios()]
    parser.add_argument("--only", action="append", choices=names, help="just this; may be repeated")
    parser.add_argument("--page", type=Path, help="write the table of a whole run here")
    parser.add_argument("--long", action="store_true", help="outages of a minute, as real ones")
    parser.add_argument("--keep", action="store_true", help="keep configs and logs")
    asked = parser.parse_args()
    chosen = [
        scenario
        for scenario in all_scenarios(is_long=asked.long)
        if asked.only is None or scenario.name in asked.only
    ]
    folder, began = Path(tempfile.mkdtemp(prefix="bkc-chaos-")), time.monotonic()
    (folder / AGAIN).mkdir()
    lines = asyncio.run(run(chosen, folder))
    seconds = time.monotonic() - began
    for table in page.tables(lines):
        out.print(table)
    if asked.page is not None and asked.only is None:
        asked.page.write_text(page.page(lines, seconds), encoding="utf-8")
    good = all(not (line.missed or line.late) for line in lines)
    if asked.keep or not good:
        err.print(f"configs and logs: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
