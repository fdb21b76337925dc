"""Every setting, its type, default and meaning. Unknown keys are refused; nothing is read here."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector.binance.products import Product
from connector.binance.selection import Selection

TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")]
WebSocketUrl = Annotated[str, StringConstraints(pattern=r"^wss?://[^\s/]+(/\S*)?$")]


def _duration(value: object) -> object:
    """Turn 7d, 12h, 30m, 45s or -1 (for ever) into milliseconds."""
    if isinstance(value, str) and value[:-1].isdigit() and value[-1] in _UNITS:
        return int(value[:-1]) * _UNITS[value[-1]]
    return value


_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
Milliseconds = Annotated[int, BeforeValidator(_duration)]


class Section(BaseModel):
    """A section of the file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomBases(Section):
    """Where one product is served: a proxy, a simulator, or another host of the exchange."""

    streams: WebSocketUrl = Field(description="Base URL of the streams, without route and /stream.")
    rest: Url | None = Field(None, description="Base URL of the REST API.")


class Security(Section):
    """How Kafka lets us in. Passwords are read from files."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    username: str | None = Field(None, description="SASL user; with OAUTHBEARER the client id.")
    password_file: Path | None = Field(None, description="SASL password or OAuth client secret.")
    token_url: Url | None = Field(None, description="OAUTHBEARER: the token endpoint.")
    scope: str | None = Field(None, description="OAUTHBEARER: the scope asked for.")
    ca_file: Path | None = Field(None, description="Authorities that may sign the broker; PEM.")
    certificate_file: Path | None = Field(None, description="Client certificate; PEM.")
    key_file: Path | None = Field(None, description="Key of the client certificate; PEM.")
    key_password_file: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Security":
        sasl = self.protocol.startswith("SASL")
        if sasl != (self.mechanism is not None):
            raise ValueError(
                f"protocol {self.protocol} {'needs' if sasl else 'takes no'} mechanism"
            )
        if sasl and (self.username is None or self.password_file is None):
            raise ValueError(f"mechanism {self.mechanism} needs username and password_file")
        if (self.mechanism == "OAUTHBEARER") != (self.token_url is not None):
            raise ValueError("mechanism OAUTHBEARER and token_url go together")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class Kafka(Section):
    """The cluster that takes the records."""

    bootstrap_servers: str = Field(min_length=1, description="host:port, comma separated.")
    client_id: str = "bkc"
    security: Security = Security()
    librdkafka: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Handed to the producer as it stands."
    )


class SchemaRegistry(Section):
    """The Confluent-compatible registry that keeps the schemas."""

    url: Url
    register_schemas: bool = Field(
        True, alias="register", description="false: the schemas must be there already."
    )
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None


class Topics(Section):
    """Names and shape of the topics."""

    prefix: TopicName | None = Field(
        None, description="Default: binance; on testnet and demo, testnet.binance and demo.binance."
    )
    create: bool = Field(True, description="Create topics that are missing.")
    partitions: int = Field(12, ge=1)
    replication: int | None = Field(None, ge=1, description="Default: the cluster's own.")
    retention: Milliseconds | None = Field(None, description="7d, 12h, ...; default the cluster's.")


class Server(Section):
    """The HTTP server for probes and metrics."""

    host: str = "0.0.0.0"  # noqa: S104 - kubelet and Prometheus come from outside the pod
    port: int = Field(8080, ge=0, le=65_535, description="0 takes a free port.")


class Logs(Section):
    """Log lines go to standard error."""

    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: readable on a terminal, else JSON."
    )
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Subscription(Section):
    """Streams of one product, and where they go."""

    product: Product
    symbols: list[str] = Field(default_factory=list, description="As Binance writes them.")
    streams: list[str] = Field(min_length=1, description="As Binance writes them, no symbol.")
    topic: TopicName | None = Field(None, description="Default: <prefix>.<product>.<kind>.")
    endpoint: WebSocketUrl | None = Field(None, description="Default: from the catalogue.")
    key: str | None = Field(None, description="Key of the records; default {symbol}.")
    connections: int = Field(1, ge=1, le=2, description="Read over so many connections.")
    time_unit: Literal["ms", "us"] = Field("ms", description="us: microseconds, spot only.")
    merged: Literal["drop", "keep"] = Field(
        "drop",
        description="Rows of the other futures product in a whole-market stream, when no topic of"
        " theirs is planned: dropped (and counted), or kept in this topic.",
    )

    @property
    def selection(self) -> Selection:
        """The symbols it means."""
        return Selection(names=tuple(self.symbols))


class Settings(BaseSettings):
    """The whole file. Environment variables override any key: BKC_KAFKA__BOOTSTRAP_SERVERS."""

    model_config = SettingsConfigDict(
        env_prefix="BKC_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    exchange: str | dict[Product, CustomBases] = Field(
        "production", description="production, testnet, demo, or bases per product."
    )
    kafka: Kafka
    schema_registry: SchemaRegistry
    topics: Topics = Topics()
    server: Server = Server()
    logs: Logs = Logs()
    hold: Annotated[ByteSize, Field(gt=0)] = Field(
        ByteSize(256 * 1024 * 1024),
        description="Bytes of frames kept while Kafka is away; beyond it frames are dropped.",
    )
    subscriptions: list[Subscription] = Field(min_length=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment stand above the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def topic_prefix(self) -> str:
        """What topic names begin with."""
        if self.topics.prefix is not None:
            return self.topics.prefix
        named = isinstance(self.exchange, str) and self.exchange != "production"
        return f"{self.exchange}.binance" if named else "binance"
