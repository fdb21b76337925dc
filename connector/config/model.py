"""The market worker's config file: each setting with its type, default and meaning."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, model_validator

from connector.config import values
from connector.config.sections import WorkerSettings
from connector.config.subscription import SubscriptionSettings


class ShardSettings(values.Section):
    """Which part of the plan this process reads; usually set by the environment."""

    index: int = Field(0, ge=0, description="Counted from 0.")
    count: int = Field(1, ge=1, le=1_000, description="Processes that share the plan.")

    @model_validator(mode="after")
    def _one_of_them(self) -> "ShardSettings":
        if self.index >= self.count:
            last = self.count - 1
            raise ValueError(
                f"index {self.index} with count {self.count}: they go from 0 to {last}"
            )
        return self


class BackfillSettings(values.Section):
    """Fetching by REST what was missed."""

    enabled: bool = Field(True, description="false: what is missing is marked and stays missing.")
    api_key_file: Path | None = Field(
        None, description="API key, for calls that want one; no permission is needed."
    )
    weight_share: float = Field(0.5, gt=0, le=1, description="Share of the REST weight it uses.")
    patience: values.Patience = Field(
        timedelta(minutes=10),
        description="How long a gap waits in all for events that REST does not show.",
    )
    books: bool = Field(
        True, description="Snapshots of order books into their depth topics, to start from."
    )
    book_interval: values.BookInterval = Field(
        timedelta(hours=1), description="A snapshot of every book again after so long."
    )


class Settings(WorkerSettings):
    """The whole file of the market worker."""

    hold: values.Hold = Field(
        ByteSize(256 * 1024 * 1024),
        description="Bytes of frames kept while Kafka is away; beyond it frames are dropped.",
    )
    read_interval: values.ReadInterval = Field(
        timedelta(milliseconds=5),
        validate_default=False,
        description="How often busy connections are read, all at once: longer saves CPU and adds"
        " latency. 0s: whenever something comes.",
    )
    native: values.NativeMode = Field(
        "auto",
        description="The compiled codec. auto: used where it is installed; off: Python; require: no"
        " start without it.",
    )
    delivery: Literal["exactly_once", "idempotent"] = Field(
        "exactly_once",
        description="exactly_once: transactions. idempotent: for clusters without them; a restart"
        " may repeat records, and the markers say so.",
    )
    instance: values.InstanceName = Field(
        "market",
        description="Names this writer: with the shard its transactional.id, and in markers. Two"
        " connectors on one cluster need two names.",
    )
    standby: bool = Field(
        False,
        description="Two processes of one shard with true: one writes, the other one reads beside"
        " it and takes over when it stands still. false: a process takes over when it starts.",
    )
    takeover_after: values.TakeoverAfter = Field(
        timedelta(seconds=5),
        validate_default=False,
        description="How long a writer stands still, while Kafka answers, before a standby acts.",
    )
    shard: ShardSettings = ShardSettings()
    refresh: values.Refresh = Field(
        timedelta(minutes=5),
        validate_default=False,
        description="How often exchangeInfo is read again for new symbols.",
    )
    backfill: BackfillSettings = BackfillSettings()
    symbol_metrics: list[str] = Field(
        [],
        max_length=50,
        description="Symbols, such as BTCUSDT, whose newest record times are metrics of their own.",
    )
    subscriptions: list[SubscriptionSettings] = Field(
        min_length=1, description="What to read, and where it goes."
    )

    @model_validator(mode="after")
    def _can_stand_by(self) -> "Settings":
        if self.standby and self.delivery == "idempotent":
            raise ValueError("standby needs delivery: exactly_once, which fences the other process")
        return self
