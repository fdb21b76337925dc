"""One account's events of one product: what the feed needs to know to subscribe them."""

from dataclasses import dataclass, field

from connector.binance.account_events.layout import AccountProduct
from connector.binance.private_streams import SubscribeMethod, UrlForm
from connector.transport.wsapi_session import Keys


@dataclass(frozen=True, slots=True)
class AccountSource:
    """The events of one account and product.

    Attributes:
        alias: Of the account; the only name of it in logs, metrics and topics.
        method: How they are subscribed: one of the product's (`binance/private_streams.py`).
        keys: Returns the account's credentials, read anew from their files: they may change.
            Raises Refused.
        form: URL form of a listenKey stream; None: the default of its host.
        cross: Subscribe the cross margin account (margin alone).
        isolated_symbols: Isolated margin accounts to subscribe (margin alone).
    """

    alias: str
    product: AccountProduct
    method: SubscribeMethod
    keys: Keys = field(repr=False)
    form: UrlForm | None = None
    cross: bool = True
    isolated_symbols: tuple[str, ...] = ()
