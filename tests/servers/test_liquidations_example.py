"""The example's consumer reads what the connector has written, and goes on where its group was."""

import asyncio
import contextlib
from itertools import islice
from pathlib import Path

from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from examples.python.liquidations import Record, records
from tests.support.servers import config, connector, decoded, finish, read_all
from tests.support.waiting import in_time, until

TOPIC, ORDERS = "liquidated.usdm.force-order", 12


async def test_a_consumer_that_comes_back_goes_on_where_it_was(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = Exchange(Market(3), rate=100.0)
    await exchange.start()
    settings = config(exchange, kafka.bootstrap_servers, registry.url, "liquidated")
    settings["topics"]["partitions"] = 1
    settings["subscriptions"] = [
        {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["forceOrder"]}
    ]
    try:
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            await until(lambda: exchange.oracle.total >= ORDERS)
            await finish(exchange, running)
    finally:
        await exchange.stop()

    def read(count: int) -> list[Record]:
        found = records(kafka.bootstrap_servers, registry.url, TOPIC, "liquidations")
        with contextlib.closing(found):
            return list(islice(found, count))

    first = await in_time(asyncio.to_thread(read, 5))
    second = await in_time(asyncio.to_thread(read, ORDERS - 4))  # the fifth was not handled yet

    written = decoded(registry.url, TOPIC, read_all(dict(kafka.client()), TOPIC))
    assert [*first, *second[1:]] == written[:ORDERS]
    assert second[0] == first[-1]
