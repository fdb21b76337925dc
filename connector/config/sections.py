"""The sections of the config file that every worker has; settings as models. Reads nothing."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector.binance.products import ENVIRONMENTS, Product
from connector.config import values
from connector.config.addresses import Brokers, ProxyUrl, Url, WebSocketBase, WebSocketUrl
from connector.config.log_levels import LogLevel, ModuleLevels
from connector.errors import did_you_mean


class CustomBases(values.Section):
    """Where one product is served: a proxy, a simulator, or another host of the exchange."""

    streams: WebSocketBase = Field(
        description="Base URL of the streams, without route and /stream."
    )
    rest: Url | None = Field(None, description="Base URL of the REST API.")
    ws_api: WebSocketUrl | None = Field(
        None, description="URL of the WS API with its path; accounts need it."
    )


class SecuritySettings(values.Section):
    """How Kafka lets us in. Passwords are read from files."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT", description="SSL: encrypted; SASL: with a login."
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = Field(
        None, description="How to log in; needed with SASL."
    )
    username: str | None = Field(
        None, min_length=1, description="SASL user; with OAUTHBEARER the client id."
    )
    password_file: Path | None = Field(None, description="SASL password or OAuth client secret.")
    token_url: Url | None = Field(None, description="OAUTHBEARER: the token endpoint.")
    scope: str | None = Field(None, min_length=1, description="OAUTHBEARER: the scope asked for.")
    ca_file: Path | None = Field(None, description="Authorities that may sign the broker; PEM.")
    certificate_file: Path | None = Field(None, description="Client certificate; PEM.")
    key_file: Path | None = Field(None, description="Key of the client certificate; PEM.")
    key_password_file: Path | None = Field(None, description="Password of that key.")

    @model_validator(mode="after")
    def _complete(self) -> "SecuritySettings":
        sasl = self.protocol.startswith("SASL")
        if sasl != (self.mechanism is not None):
            needs = "needs" if sasl else "takes no"
            raise ValueError(f"protocol {self.protocol} {needs} mechanism")
        if sasl and (self.username is None or self.password_file is None):
            raise ValueError(f"mechanism {self.mechanism} needs username and password_file")
        if (self.mechanism == "OAUTHBEARER") != (self.token_url is not None):
            raise ValueError("mechanism OAUTHBEARER and token_url go together")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class KafkaSettings(values.Section):
    """The cluster that takes the records."""

    bootstrap_servers: Brokers = Field(description="Comma separated, or a list.")
    client_id: str = Field(
        "bkc", min_length=1, description="How the cluster's logs and quotas call us."
    )
    security: SecuritySettings = SecuritySettings()
    librdkafka: dict[str, values.Scalar] = Field(
        default_factory=dict, description="Handed to the producer as it stands."
    )


class RegistrySettings(values.Section):
    """The Confluent-compatible registry that keeps the schemas."""

    url: Url = Field(description="http://registry:8081 or https://...")
    register_schemas: bool = Field(
        True, alias="register", description="false: the schemas must be there already."
    )
    username: str | None = Field(None, min_length=1, description="Basic authentication.")
    password_file: Path | None = Field(None, description="Password of that user.")
    ca_file: Path | None = Field(None, description="Authorities that may sign the registry; PEM.")

    @model_validator(mode="after")
    def _complete(self) -> "RegistrySettings":
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file go together")
        return self


class TopicSettings(values.Section):
    """Names and shape of the topics."""

    prefix: values.TopicName | None = Field(
        None, description="Default: binance; on testnet and demo, testnet.binance and demo.binance."
    )
    create: bool = Field(True, description="Create topics that are missing.")
    partitions: int = Field(12, ge=1, le=10_000, description="Of topics we create.")
    replication: int | None = Field(None, ge=1, le=100, description="Default: the cluster's own.")
    retention: values.Retention | None = Field(
        None, description="Default: the cluster's own; -1: for ever."
    )


class ServerSettings(values.Section):
    """The HTTP server for probes and metrics."""

    # 0.0.0.0: kubelet and Prometheus come from outside the pod
    host: str = Field("0.0.0.0", min_length=1, description="Address to listen on.")  # noqa: S104
    port: int = Field(8080, ge=0, le=65_535, description="0 takes a free port.")


class LogSettings(values.Section):
    """Log lines go to standard error."""

    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: readable on a terminal, else JSON."
    )
    level: LogLevel = Field("INFO", description="Lines below it are left out.")
    levels: ModuleLevels = Field(
        default_factory=dict,
        description="Others, by module: {connector.feed.liveness: ERROR, librdkafka: DEBUG}.",
    )


class LimitSettings(values.Section):
    """How much of what Binance allows one IP address is ours."""

    share: float = Field(
        1.0, gt=0, le=1, description="Share of the limits per IP: connections and REST weight."
    )
    connection_life: values.ConnectionLife = Field(
        timedelta(hours=24),
        description="The exchange cuts a connection after so long; ours are replaced before.",
    )


def _environment(name: str) -> str:
    if name not in ENVIRONMENTS:
        near = did_you_mean(name, ENVIRONMENTS)
        cure = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"{name!r} is none of {', '.join(ENVIRONMENTS)}{cure}")
    return name


# Tags in angle brackets are no keys of the file: error_text.py leaves them out of a place.
Exchange = Annotated[
    Annotated[str, AfterValidator(_environment), Tag("<name>")]
    | Annotated[dict[Product, CustomBases], Field(min_length=1), Tag("<bases>")],
    Discriminator(lambda value: "<bases>" if isinstance(value, dict) else "<name>"),
]


class WorkerSettings(BaseSettings):
    """What the files of all workers have. Variables override it: BKC_KAFKA__BOOTSTRAP_SERVERS."""

    model_config = SettingsConfigDict(
        env_prefix="BKC_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    exchange: Exchange = Field(
        "production", description="production, testnet, demo, or bases per product."
    )
    kafka: KafkaSettings
    schema_registry: RegistrySettings
    topics: TopicSettings = TopicSettings()
    server: ServerSettings = ServerSettings()
    logs: LogSettings = LogSettings()
    limits: LimitSettings = LimitSettings()
    proxy: ProxyUrl | None = Field(
        None, description="HTTP proxy for WebSocket and REST; not SOCKS."
    )
    proxy_login_file: Path | None = Field(None, description="File: that proxy's user:password.")
    ca_file: Path | None = Field(
        None,
        description="Authorities that may sign the exchange or the proxy, beside the system's; PEM."
        " The variable SSL_CERT_FILE replaces the system's.",
    )

    @field_validator("proxy_login_file")
    @classmethod
    def _has_a_proxy(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None and info.data.get("proxy", "wrong") is None:
            raise ValueError("there is no proxy to log in to; set proxy, or leave this out")
        return path

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def topic_prefix(self) -> str:
        """What the names of all topics begin with."""
        if self.topics.prefix is not None:
            return self.topics.prefix
        named = isinstance(self.exchange, str) and self.exchange != "production"
        return f"{self.exchange}.binance" if named else "binance"
