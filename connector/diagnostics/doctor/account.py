"""`bkc doctor account`: everything that an account worker depends on, in the order of a start."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path

from connector.binance.account_events.layout import AccountProduct
from connector.binance.products import Product
from connector.codec.schema import (
    ACCOUNT_DEAD_LETTER,
    ACCOUNT_EVENTS,
    ACCOUNT_MARKERS,
    ACCOUNT_PROGRESS,
    ACCOUNT_TOPICS,
)
from connector.config.account import AccountSettings, AccountWorkerSettings
from connector.config.key_files import credentials_of, read_key_file
from connector.config.plan import bases_of
from connector.config.secrets import proxy_of
from connector.diagnostics.doctor.api_key import check_api_key
from connector.diagnostics.doctor.clock import check_clock
from connector.diagnostics.doctor.files import (
    check_key_files,
    check_password_files,
    password_files,
)
from connector.diagnostics.doctor.kafka import ClusterExamination, check_cluster, check_security
from connector.diagnostics.doctor.registry import check_registry
from connector.diagnostics.doctor.report import CheckResult
from connector.errors import Refused
from connector.kafka.topic_settings import TopicRole
from connector.transport import tls
from connector.transport.signed_rest import SignedRest

# Whose clock counts for the signed calls of an account's product; spot's for all others.
CLOCK_OF: Mapping[AccountProduct, Product] = {
    "usdm": "usdm",
    "coinm": "coinm",
    "options": "options",
    "portfolio_margin": "usdm",
    "portfolio_margin_pro": "usdm",
}


def examine_account(
    settings: AccountWorkerSettings, readers: Collection[str], admin_file: Path | None
) -> list[CheckResult]:
    """Look at Kafka, registry, key files, API keys and clocks; change nothing. Blocks.

    Args:
        settings: The account worker's file.
        readers: Principals that are meant to read the account topics, `User:...`; empty: not said.
        admin_file: librdkafka's settings of an administrator's login, `name=value` a line.

    Raises:
        Refused: `admin_file` is wrong.
    """
    admin = {} if admin_file is None else read_admin_file(admin_file)
    roles, kafka = roles_of(settings), settings.kafka
    wanted = ClusterExamination(
        kafka,
        settings.topics,
        roles,
        guarded=tuple(roles),
        readers=tuple(readers),
        transactional_id=settings.transactional_id,
        admin=admin,
    )
    return [
        *check_security(kafka),
        *check_password_files(password_files(settings)),
        *check_cluster(wanted),
        *check_registry(settings.schema_registry, _kinds(settings)),
        *asyncio.run(_check_accounts(settings)),
    ]


def roles_of(settings: AccountWorkerSettings) -> dict[str, TopicRole]:
    """Return every topic of an account worker, and its role."""
    prefix = settings.topic_prefix
    roles: dict[str, TopicRole] = {
        settings.topic_of(account): "data" for account in settings.accounts
    }
    own: dict[str, TopicRole] = {
        ACCOUNT_MARKERS: "marker",
        ACCOUNT_PROGRESS: "progress",
        ACCOUNT_DEAD_LETTER: "dead_letter",
    }
    return roles | {f"{prefix}.{name}": role for name, role in own.items()}


def _kinds(settings: AccountWorkerSettings) -> dict[str, str]:
    """Return the kind of the records of each topic that has a schema."""
    events = {settings.topic_of(account) for account in settings.accounts}
    kinds = dict.fromkeys(sorted(events), ACCOUNT_TOPICS[ACCOUNT_EVENTS])
    own = (ACCOUNT_MARKERS, ACCOUNT_PROGRESS)
    return kinds | {f"{settings.topic_prefix}.{name}": ACCOUNT_TOPICS[name] for name in own}


def read_admin_file(path: Path) -> dict[str, str]:
    """Return the settings of an administrator's login, such as `sasl.username=admin`.

    Raises:
        Refused: the file cannot be read, others may read it, or a line is no `name=value`.
    """
    lines = [line.strip() for line in read_key_file(path).splitlines()]
    given = [line.partition("=") for line in lines if line and not line.startswith("#")]
    if not all(equals and name.strip() for name, equals, _ in given):
        raise Refused(f"{path}: each line is name=value, such as sasl.username=admin")
    return {name.strip(): value.strip() for name, _, value in given}


async def _check_accounts(settings: AccountWorkerSettings) -> list[CheckResult]:
    """Look at the keys of every account, and at the clocks they sign by."""
    try:
        proxy, trust = proxy_of(settings), tls.client_context(settings.ca_file)
    except Refused as error:
        return [CheckResult("exchange.connection", "fail", str(error))]
    rest = SignedRest(bases_of(settings), share=settings.limits.share, proxy=proxy, tls=trust)
    await rest.start()
    try:
        used = {place for account in settings.accounts for place in account.streams.places()}
        clocks = sorted({CLOCK_OF.get(place.product, "spot") for place in used})
        results = await check_clock(rest.exchange_clock, clocks)
        for account in settings.accounts:
            results += await _check_account(rest, account)
        return results
    finally:
        await rest.close()


async def _check_account(rest: SignedRest, account: AccountSettings) -> list[CheckResult]:
    try:
        key_files = account.key_files()
    except Refused as error:
        return [CheckResult(f"keys.{account.alias}.files", "fail", str(error))]
    found = check_key_files(account.alias, key_files)
    if found.status != "ok":
        return [found]
    credentials = credentials_of(key_files)
    kind = None if credentials.signer is None else credentials.signer.kind
    if account.streams.spot == "session-logon" and kind != "Ed25519":
        text = f"session-logon wants an Ed25519 key, this one is {kind}"
        cure = "make an Ed25519 key, or subscribe by spot: signature"
        found = CheckResult(found.check, "fail", text, cure)
    return [found, *await check_api_key(rest, account.alias, credentials)]
