"""The account worker's config file: accounts, their key files and streams, and its own checks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ByteSize, Field, model_validator

from connector.binance.account_events.layout import AccountProduct
from connector.binance.catalogue import ROWS
from connector.binance.private_streams import AccountPlace, SubscribeMethod, UrlForm
from connector.codec.schema import (
    ACCOUNT_DEAD_LETTER,
    ACCOUNT_EVENTS,
    ACCOUNT_MARKERS,
    ACCOUNT_PROGRESS,
    DEAD_LETTER,
    OWN_TOPICS,
)
from connector.config import values
from connector.config.key_files import KeyFiles, files_in
from connector.config.sections import KafkaSettings, WorkerSettings
from connector.planning.model import Finding

# Topics of both workers that hold no events of accounts; without the prefix.
_OWN_TOPICS = (*OWN_TOPICS, DEAD_LETTER, ACCOUNT_MARKERS, ACCOUNT_PROGRESS, ACCOUNT_DEAD_LETTER)
_AUTHENTICATED = ("SASL_SSL", "SSL with certificate_file and key_file")
_UNVERIFIED = {  # librdkafka's key -> the value with which anybody may pass for the broker
    "enable.ssl.certificate.verification": "false",
    "ssl.endpoint.identification.algorithm": "none",
}

SpotMethod = Literal["signature", "session-logon"]
ListenKey = Literal["listen-key"]


def _symbols(symbols: list[str]) -> list[str]:
    for number, symbol in enumerate(symbols):
        if not (symbol.isascii() and symbol.isalnum() and symbol.isupper()):
            raise ValueError(f"{symbol!r} is no symbol: write it as Binance does, such as BTCUSDT")
        if symbol in symbols[:number]:
            raise ValueError(f"{symbol} is named twice")
    return symbols


class AccountStreams(values.Section):
    """The products whose events are read, and how each is subscribed."""

    spot: SpotMethod | None = Field(
        None, description="session-logon wants an Ed25519 key; signature takes any."
    )
    margin: Literal["listen-token"] | None = Field(None, description="Cross margin.")
    usdm: ListenKey | None = Field(None, description="USD-M futures.")
    coinm: ListenKey | None = Field(None, description="COIN-M futures.")
    options: ListenKey | None = Field(None, description="Options.")
    portfolio_margin: ListenKey | None = Field(None, description="Portfolio margin.")
    portfolio_margin_pro: ListenKey | None = Field(None, description="Portfolio margin pro.")
    margin_risk: ListenKey | None = Field(None, description="Margin calls and liabilities.")
    margin_uta: ListenKey | None = Field(None, description="Margin of the unified account.")
    isolated_margin: Annotated[list[str], AfterValidator(_symbols)] = Field(
        [], description="Isolated margin accounts by symbol, as BTCUSDT; each by a listenToken."
    )

    @model_validator(mode="after")
    def _some(self) -> "AccountStreams":
        if not self.places():
            raise ValueError(f"names no product; known: {', '.join(AccountStreams.model_fields)}")
        return self

    def places(self) -> dict[AccountPlace, SubscribeMethod]:
        """Return how each product that is read is subscribed, in the order of the fields."""
        methods = ((name, how) for name, how in self if name != "isolated_margin")
        found = {AccountPlace(name): how for name, how in methods if how}  # type: ignore[arg-type]
        isolated = (AccountPlace("margin", symbol) for symbol in self.isolated_margin)
        return {**found, **dict.fromkeys(isolated, "listen-token")}


class AccountUrlForms(values.Section):
    """Forms of the URLs of listenKey streams. A form that does not deliver opens and stays silent.

    Left out, the form is the one that delivers at the hosts of `exchange`, and where it turns out
    to be mute, the next one is tried.
    """

    usdm: UrlForm | None = Field(None, description="USD-M; production: private-streams.")
    coinm: UrlForm | None = Field(None, description="COIN-M; production: path.")
    options: UrlForm | None = Field(None, description="Options; production: private-path.")

    def forms(self) -> dict[AccountProduct, UrlForm]:
        """Return the forms that are set."""
        return {name: form for name, form in self if form is not None}  # type: ignore[misc]


def _alias(value: str) -> str:
    if len(value) > 64 or not value.replace("-", "").replace("_", "").isalnum():  # noqa: PLR2004
        raise ValueError(f"{value!r} is no alias: letters, digits, dash and underscore, at most 64")
    if not value.isascii():
        raise ValueError(f"{value!r} is no alias: plain letters alone")
    return value


class AccountSettings(values.Section):
    """An account: what one API key belongs to. Its keys are read from files."""

    alias: Annotated[str, AfterValidator(_alias)] = Field(
        description="How topics, metrics and logs call it: the key of its records. Its id stands"
        " nowhere. A new alias is a new account: it begins anew."
    )
    api_key_file: Path | None = Field(None, description="The API key; it needs to read only.")
    private_key_file: Path | None = Field(
        None, description="Ed25519 or RSA key that signs; PEM. Ed25519 is the best choice."
    )
    passphrase_file: Path | None = Field(None, description="Of an encrypted private key.")
    secret_key_file: Path | None = Field(None, description="HMAC secret that signs.")
    secrets_dir: Path | None = Field(
        None,
        description="In place of those: a folder with api-key, and private-key.pem (and"
        " passphrase) or secret-key.",
    )
    streams: AccountStreams
    url_forms: AccountUrlForms = Field(
        AccountUrlForms(), description="Forms of the URLs of listenKey streams."
    )
    topic: values.TopicName | None = Field(
        None, description="Where its events go; default: prefix and account-events."
    )
    snapshot_at_start: bool = Field(
        True, description="At the very first start, write what the account holds."
    )
    hold: values.Hold = Field(
        ByteSize(64 * 1024 * 1024),
        description="Bytes of its events kept while Kafka is away; beyond it they are dropped,"
        " the break is marked, and the account is reconciled.",
    )

    @model_validator(mode="after")
    def _one_key(self) -> "AccountSettings":
        signing = (self.private_key_file, self.secret_key_file)
        if self.secrets_dir is not None:
            if any((self.api_key_file, self.passphrase_file, *signing)):
                raise ValueError("secrets_dir holds all files of the key: leave the others out")
            return self
        if self.api_key_file is None:
            raise ValueError("has no key: name api_key_file, or secrets_dir")
        if all(signing) or not any(signing):
            raise ValueError("needs one key that signs: private_key_file or secret_key_file")
        if self.passphrase_file is not None and self.private_key_file is None:
            raise ValueError("passphrase_file is of a private_key_file: there is none")
        if self.streams.spot == "session-logon" and self.secret_key_file is not None:
            raise ValueError("session-logon wants an Ed25519 private_key_file; or spot: signature")
        return self

    def key_files(self) -> KeyFiles:
        """Return the files of its key. Raises Refused: secrets_dir does not hold them."""
        if self.api_key_file is None:
            return files_in(self.secrets_dir or Path())
        return KeyFiles(
            self.api_key_file, self.private_key_file, self.secret_key_file, self.passphrase_file
        )


class AccountWorkerSettings(WorkerSettings):
    """The whole file of the account worker."""

    instance: values.InstanceName = Field(
        "account",
        description="Names this writer: its transactional.id. Two account workers on one cluster"
        " need two names, and may share no account.",
    )
    allow_insecure_kafka: bool = Field(
        False,
        description="true: write accounts to a Kafka that is not encrypted and authenticated."
        " Every start warns of it.",
    )
    accounts: list[AccountSettings] = Field(min_length=1, description="Whose events are read.")

    @property
    def transactional_id(self) -> str:
        """What a later account worker of this name fences this one by.

        It ends in no number, as those of market workers do: neither fences the other.
        """
        return f"{self.topic_prefix}.{self.instance}.account"

    def topic_of(self, account: AccountSettings) -> str:
        """Return the topic of an account's events."""
        return account.topic or f"{self.topic_prefix}.{ACCOUNT_EVENTS}"


def findings(settings: AccountWorkerSettings) -> Iterator[Finding]:
    """Yield what the sections cannot see alone: accounts named twice, Kafka that is not secure."""
    seen: dict[str, int] = {}
    for index, account in enumerate(settings.accounts):
        first = seen.setdefault(account.alias, index)
        if first != index:
            problem = f"{account.alias!r} is the alias of accounts[{first}], too: take another"
            yield ("accounts", index, "alias"), problem
    yield from _same_keys(settings.accounts)
    yield from _taken_topics(settings)
    if not settings.allow_insecure_kafka:
        for problem in insecurities(settings.kafka):
            cure = "or say allow_insecure_kafka: true"
            yield ("kafka", "security"), f"{problem}: accounts are not written there; {cure}"


def _same_keys(accounts: list[AccountSettings]) -> Iterator[Finding]:
    """Yield the accounts that read by a key what another one reads by it."""
    seen: dict[tuple[Path | None, AccountPlace], int] = {}
    for index, account in enumerate(accounts):
        name = "api_key_file" if account.secrets_dir is None else "secrets_dir"
        path = account.secrets_dir or account.api_key_file
        firsts = {
            seen.setdefault((path, place), index): place for place in account.streams.places()
        }
        for first, place in firsts.items():
            if account.alias != accounts[first].alias:
                problem = f"{path} is the key of accounts[{first}], too, which reads {place.name}"
                yield ("accounts", index, name), f"{problem} by it: leave one of them out"


def _taken_topics(settings: AccountWorkerSettings) -> Iterator[Finding]:
    """Yield the accounts whose topic holds other records, which others may read."""
    prefix = settings.topic_prefix
    own = {f"{prefix}.{name}" for name in _OWN_TOPICS}
    market = {f"{prefix}.{row.product}.{row.kind}" for row in ROWS}
    for index, account in enumerate(settings.accounts):
        where = ("accounts", index, "topic")
        if account.topic in own:
            yield where, f"{account.topic} is the connector's own: take another"
        elif account.topic in market:
            yield where, f"{account.topic} is a topic of market data: take another"


def insecurities(kafka: KafkaSettings) -> list[str]:
    """Return why a connection to Kafka is not encrypted and authenticated; empty: it is.

    Authenticated are both: the client by SASL or a certificate, the broker by its certificate.
    """
    security, found = kafka.security, []
    client_known = security.protocol == "SASL_SSL" or security.certificate_file is not None
    if not security.protocol.endswith("SSL") or not client_known:
        found.append(
            f"protocol {security.protocol} is not encrypted and authenticated: use"
            f" {' or '.join(_AUTHENTICATED)}"
        )
    for name, value in _UNVERIFIED.items():
        if str(kafka.librdkafka.get(name, "")).lower() == value:
            found.append(f"librdkafka's {name}: {value} lets anybody pass for the broker")
    return found
