"""No planted secret is in anything that a run of the account worker puts out, with faults."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web
from confluent_kafka import Consumer, TopicPartition

from connector.config.sections import TopicSettings
from connector.kafka import topic_admin
from connector.kafka.topic_settings import TopicRole
from connector.lab.exchange import Exchange
from connector.lab.real_kafka import RealRegistry
from connector.lab.rest import Call, Next
from connector.lab.secure_kafka import SecureKafka
from tests.support.account_exchange import add_account
from tests.support.account_worker import AccountWorld, account_config, quiet_exchange
from tests.support.marked_secrets import MarkedAccount, Secrets
from tests.support.secured import USERS, documented_rights, give, let_in, security_of
from tests.support.servers import Running
from tests.support.waiting import GIVE_UP_S, until_true

PREFIX, NAME = "hidden", "main"
PRODUCTS = ("spot", "margin", "usdm")
ROLES: dict[str, TopicRole] = {
    f"{PREFIX}.account-events": "data",
    f"{PREFIX}.account-markers": "marker",
    f"{PREFIX}.account-progress": "progress",
    f"{PREFIX}.account-dead-letter": "dead_letter",
}
PAGES = ("/status", "/metrics", "/readyz", "/livez", "/startupz")


async def echo_everything(call: Call, _answer: Next) -> web.Response:
    """Answer as a proxy does that shows the whole request on its error page."""
    body = f"<html>cannot serve {call.path}?{json.dumps(call.query)}</html>"
    return web.Response(status=502, text=body, content_type="text/html")


async def test_no_output_of_the_worker_tells_a_secret(
    secure: SecureKafka, registry: RealRegistry, tmp_path: Path
) -> None:
    admin = let_in(secure, tmp_path, "admin")
    await topic_admin.ensure(admin, TopicSettings(partitions=1, replication=1), ROLES)
    await give(secure, documented_rights("account.md", "bkc-account"), PREFIX)
    secrets, outputs = Secrets(), Outputs()
    secrets.plant("password of Kafka", USERS["bkc-account"])
    account = MarkedAccount(secrets, tmp_path, NAME)
    async with quiet_exchange() as exchange:
        account.serve(exchange.ws_api)
        world = world_of(exchange, account, secure, registry.url, tmp_path)
        async with world.worker() as running:
            await world.until_right(running)
            outputs.add("process title", Path(f"/proc/{running.process.pid}/cmdline"))
            await faults(world, secrets, running)
            await outputs.take_pages(running, "after faults")
            exchange.ws_api.revoke(account.api_key)
            await exchange.ws_api.drop()
            await exchange.drop("usdm")
            await until_true(lambda: refused(running), running.log.read_text)
            await outputs.take_pages(running, "refused")
            await running.stop()
        outputs.add("log", running.log)
        secrets.note_calls(exchange.rest)
    outputs.texts |= await asyncio.to_thread(stored, dict(secure.client()))

    assert secrets.leaks(outputs.texts) == []
    assert set(secrets.texts.values()) >= {
        *("api key", "passphrase", "private key", "password of Kafka", "signature"),
        *("listenKey of usdm", "listenToken", "listenKey of an event"),
    }
    topics = {name.partition(" ")[0] for name in outputs.texts if name.startswith(PREFIX)}
    assert f"{PREFIX}.account-dead-letter" in topics
    assert f"{PREFIX}.account-events" in topics


async def faults(world: AccountWorld, secrets: Secrets, running: Running) -> None:
    """Let go wrong what can: odd events, cuts, ended keys and tokens, pages that repeat calls."""
    exchange, api = world.exchange, world.exchange.ws_api
    planted = secrets.plant("listenKey of an event", "PlantedListenKey" * 4)
    odd: list[dict[str, Any]] = [
        {"e": "neverSeenBefore", "E": 5, "listenKey": planted, "nested": [{"token": planted}]},
        {"e": "executionReport", "E": "no time", "apiKey": planted},
        {"listenKey": planted, "signature": planted},  # has no type: becomes a dead letter
    ]
    for event in odd:
        api.send_event(NAME, event)
    for product in PRODUCTS:
        world.trade(product)
    exchange.rest.interceptors = [echo_everything]
    await api.drop()
    await exchange.drop("usdm")
    await until_true(lambda: logged(running, "502"), running.log.read_text)
    exchange.rest.interceptors = []
    await world.until_right(running)
    api.listen_keys.end("usdm", NAME)
    exchange.accounts.announce_ended_keys()
    for token in list(api.tokens):
        api.expire(token)
    await until_true(lambda: logged(running, "token_expired"), running.log.read_text)
    await world.until_right(running)


async def logged(running: Running, text: str) -> bool:
    return text in running.log.read_text()


async def refused(running: Running) -> bool:
    return "-2015" in running.log.read_text() and (await running.get("/readyz"))[0] == 503


def world_of(
    exchange: Exchange,
    account: MarkedAccount,
    broker: SecureKafka,
    registry_url: str,
    folder: Path,
) -> AccountWorld:
    """Return a world whose worker logs on to Kafka, and tells all it can in its log."""
    kafka = {
        "bootstrap_servers": broker.bootstrap_servers,
        "security": security_of(broker, folder, "bkc-account"),
    }
    config = account_config(folder, exchange, kafka, registry_url, PREFIX, PRODUCTS)
    [own] = config["accounts"]
    del config["allow_insecure_kafka"], own["api_key_file"], own["secret_key_file"]
    own["secrets_dir"] = str(account.folder)
    config["logs"] = {"level": "DEBUG", "format": "json"}
    world = AccountWorld(folder, exchange, config, dict(broker.client()))
    world.accounts = {name: add_account(exchange, name, NAME) for name in PRODUCTS}  # type: ignore[arg-type]
    return world


class Outputs:
    """What a run has put out, by a name of each part."""

    def __init__(self) -> None:
        self.texts: dict[str, str | bytes] = {}

    def add(self, name: str, path: Path) -> None:
        """Add a file's content, if there is such a file on this system."""
        if path.exists():
            self.texts[name] = path.read_bytes()

    async def take_pages(self, running: Running, when: str) -> None:
        """Add every page of the worker."""
        for page in PAGES:
            self.texts[f"{page} {when}"] = (await running.get(page))[1]


def stored(conf: dict[str, Any]) -> dict[str, str | bytes]:
    """Return keys, values and headers of all records of the worker, committed or not."""
    own = {"group.id": "search", "enable.auto.commit": False, "enable.partition.eof": True}
    reader = Consumer({**conf, **own, "isolation.level": "read_uncommitted"})
    found: dict[str, str | bytes] = {}
    try:
        topics = reader.list_topics(timeout=GIVE_UP_S).topics
        parts = [
            TopicPartition(name, number, 0)
            for name, topic in topics.items()
            if name.startswith(f"{PREFIX}.")
            for number in topic.partitions
        ]
        reader.assign(parts)
        unread = len(parts)
        while unread:
            message = reader.poll(GIVE_UP_S)
            assert message is not None, found.keys()
            if message.error() is not None:
                unread -= 1
                continue
            place = f"{message.topic()} {message.partition()}/{message.offset()}"
            headers = repr(message.headers() or []).encode()
            found[place] = b"\n".join((message.key() or b"", message.value() or b"", headers))
        return found
    finally:
        reader.close()
