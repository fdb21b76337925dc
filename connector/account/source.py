"""What the feed needs to know: whose events it subscribes, and what it does by the clock."""

from dataclasses import dataclass, field

from connector.binance.account_events.layout import AccountProduct
from connector.binance.private_streams import AccountPlace, SubscribeMethod, UrlForm
from connector.transport.wsapi_session import Keys


@dataclass(frozen=True, slots=True)
class FeedTimings:
    """Seconds between what the feed does by the clock.

    Attributes:
        life_s: Age at which a connection is replaced; the exchange ends it after 24 h.
        keep_alive_s: Between two extensions of a listenKey, which lives 60 min.
        token_part: Part of a listenToken's life after which the next one is made.
        compare_s: Between two comparisons with what the exchange says has changed.
        grace_s: How long the event of a change may be on its way.
        key_poll_s: Between two looks at the key files of an account that is refused.
        refused_s: After so long a refused account is tried again, its key files changed or not:
            a person may have mended the key's rights or IP list.
        retry_s: Longest wait between two attempts to connect or subscribe; more is waited only
            where the exchange says so.
    """

    life_s: float = 23 * 3600.0
    keep_alive_s: float = 1800.0
    token_part: float = 0.9
    compare_s: float = 60.0
    grace_s: float = 10.0
    key_poll_s: float = 5.0
    refused_s: float = 900.0
    retry_s: float = 4.0


@dataclass(frozen=True, slots=True)
class AccountSource:
    """The events of one account and product; of isolated margin those of one symbol.

    Attributes:
        alias: Of the account; the only name of it in logs, metrics and topics.
        method: How they are subscribed: one of the product's (`binance/private_streams.py`).
        keys: Returns the account's credentials, read anew from their files: they may change.
            Raises Refused.
        form: URL form of a listenKey stream; None: the default of its host.
        isolated_symbol: Symbol of an isolated margin account; None: another account.
    """

    alias: str
    product: AccountProduct
    method: SubscribeMethod
    keys: Keys = field(repr=False)
    form: UrlForm | None = None
    isolated_symbol: str | None = None

    @property
    def place(self) -> str:
        """How logs, metrics and keys call it beside the alias: see `AccountPlace.name`."""
        return AccountPlace(self.product, self.isolated_symbol).name
