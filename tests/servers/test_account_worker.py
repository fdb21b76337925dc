"""The account worker between the lab and a real broker: a reader of the topic has the truth."""

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from connector.account.identity import place_of
from connector.lab.account.accounts import QueryFailure
from connector.lab.real_kafka import RealKafka, RealRegistry, free_port
from connector.worker.metrics.account import METRICS
from tests.support.account_worker import AccountWorld, make_world, quiet_exchange
from tests.support.servers import Running, run_worker
from tests.support.waiting import until_true

PRODUCTS = ("spot", "usdm", "margin.BTCUSDT")


@contextlib.asynccontextmanager
async def begun(
    folder: Path, kafka: RealKafka, registry: RealRegistry, prefix: str, **settings: Any
) -> AsyncIterator[tuple[AccountWorld, Running]]:
    """Run a worker that has its first pictures."""
    async with quiet_exchange() as exchange:
        made = make_world(
            folder, exchange, kafka.bootstrap_servers, registry.url, prefix, *PRODUCTS
        )
        made.config |= settings
        async with made.worker() as running:
            await made.until_right(running)
            made.note_start()
            yield made, running


def markers(made: AccountWorld) -> list[tuple[str, str, str]]:
    """Return place, state and reason of each marker."""
    found = made.records("account-marker")
    return [
        (place_of(each["product"], each["market"]), each["state"], each["reason"]) for each in found
    ]


async def test_the_topic_alone_tells_orders_fills_and_amounts(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with begun(tmp_path, kafka, registry, "acc1") as (made, running):
        for product in PRODUCTS:
            made.trade(product)
        await made.until_true_view(running)
        status, metrics = await running.status(), (await running.get("/metrics"))[1]
        assert await running.stop() == 0, running.log.read_text()

    assert sorted(markers(made)) == [(name, "started", "start") for name in sorted(PRODUCTS)]
    assert {name: each["right"] for name, each in status["accounts"].items()} == {
        "desk-1/spot": True,
        "desk-1/usdm": True,
        "desk-1/margin.BTCUSDT": True,
    }
    assert 'bkc_account_right{account="desk-1",product="spot"} 1.0' in metrics
    shown = set(re.findall(r"^(bkc_\w+?)(?:_bucket)?(?:{.*})? ", metrics, re.MULTILINE))
    assert {row.name for row in METRICS} - shown == set()  # with its labels, before the first event
    assert {record["origin"] for record in made.records()} == {"live", "snapshot"}
    assert "allow_insecure_kafka" in running.log.read_text()  # at every start


async def test_a_connection_cut_in_a_burst_of_fills_costs_nothing(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with begun(tmp_path, kafka, registry, "acc2") as (made, running):
        for round_ in range(3):
            for product in PRODUCTS:
                made.trade(product)
            if round_ == 1:
                await made.exchange.ws_api.drop()
                await made.exchange.drop("usdm")
        await made.until_true_view(running)

    assert {each for each in markers(made) if each[1] != "started"} == {
        (product, state, "connection_lost")
        for product in PRODUCTS
        for state in ("opened", "filled")
    }


async def test_a_worker_that_was_killed_goes_on_from_what_is_stored(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with begun(tmp_path, kafka, registry, "acc3") as (made, running):
        for product in PRODUCTS:
            made.trade(product)
        running.process.send_signal(signal.SIGKILL)
        await running.process.wait()
        for product in PRODUCTS:
            made.trade(product)
        async with made.worker() as again:
            await made.until_true_view(again)

    assert {each for each in markers(made) if each[2] == "restart"} == {
        (product, state, "restart") for product in PRODUCTS for state in ("opened", "filled")
    }


async def test_a_second_writer_fences_the_first(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with begun(tmp_path, kafka, registry, "acc4") as (made, first):
        made.trade("spot")
        second_folder = tmp_path / "second"
        second_folder.mkdir()
        port = free_port()
        path = second_folder / "account.yaml"
        text = (tmp_path / "account.yaml").read_text()
        path.write_text(text.replace(str(made.config["server"]["port"]), str(port)))
        async with run_worker(second_folder, "account", path, port) as second:
            await made.until_right(second)
            for product in PRODUCTS:
                made.trade(product)
            await made.until_true_view(second)

            async def retired() -> bool:
                return "later writer" in (await first.get("/readyz"))[1]

            await until_true(retired, first.log.read_text)
            assert await first.stop() == 0, first.log.read_text()
            assert made.faults() == []


async def test_kafka_that_is_away_costs_nothing_that_is_held(
    tmp_path: Path, spare: RealKafka, registry: RealRegistry
) -> None:
    async with begun(tmp_path, spare, registry, "acc5") as (made, running):
        spare.freeze()
        try:
            for product in PRODUCTS:
                made.trade(product)
            await asyncio.sleep(1.0)  # some transactions' time: nothing depends on it
        finally:
            spare.thaw()
        await made.until_true_view(running)

    assert {state for _, state, _ in markers(made)} == {"started"}


async def test_events_beyond_what_is_held_are_marked_and_asked_for(
    tmp_path: Path, spare: RealKafka, registry: RealRegistry
) -> None:
    async with quiet_exchange() as exchange:
        made = make_world(
            tmp_path, exchange, spare.bootstrap_servers, registry.url, "acc6", *PRODUCTS
        )
        made.config["accounts"][0]["hold"] = "64KiB"
        async with made.worker() as running:
            await made.until_right(running)
            made.note_start()
            spare.freeze()
            try:
                for _number in range(60):
                    made.trade("spot", "0.002")

                async def full() -> bool:
                    return bool((await running.status())["frames"]["dropped"])

                await until_true(full, running.log.read_text)
            finally:
                spare.thaw()
            await made.until_true_view(running)

    assert {("spot", "opened", "overload"), ("spot", "filled", "overload")} <= {*markers(made)}


async def test_what_rest_does_not_answer_is_partial_until_it_does(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with begun(tmp_path, kafka, registry, "acc7") as (made, running):
        made.exchange.accounts.failures.append(QueryFailure("myTrades", 0, 12))
        made.trade("spot")
        await made.exchange.ws_api.drop()
        made.trade("spot")
        await made.until_true_view(running)

    states = [state for product, state, _ in markers(made) if product == "spot"]
    assert states[0:2] == ["started", "opened"]
    assert states[-1] == "filled"
