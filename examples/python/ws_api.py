"""Calls Binance's WS API and follows an account's events: copy what you need.

    python examples/python/ws_api.py ~/binance-testnet

The directory holds the files `api-key` and `private-key.pem` (Ed25519 or RSA) or `secret-key`
(HMAC), which only you may read (chmod 600). The key needs no permission but reading. It is called
on the spot testnet; another place is the second argument.
Needs this package: `pip install .` in a checkout.
"""

import asyncio
import sys
from pathlib import Path

from connector.binance.products import ENVIRONMENTS
from connector.config.key_files import credentials_of, files_in
from connector.errors import Refused, Retry
from connector.transport.wsapi import WsApi
from connector.transport.wsapi_session import (
    ConnectionLost,
    Subscribed,
    UserEvent,
    UserSubscription,
    WsApiItem,
)

TESTNET = ENVIRONMENTS["testnet"]["spot"].ws_api


async def follow(folder: Path, url: str = TESTNET, most: int | None = None) -> None:
    """Print the account's assets, then its events as they come; `most`: end after so many items.

    Raises:
        Retry: the exchange cannot be reached now, or refuses calls for `after_s`.
        Refused: the key, or a call, is wrong.
    """
    files = files_in(folder)
    items: asyncio.Queue[WsApiItem] = asyncio.Queue()
    # The keys are read anew at each signature: a key that is replaced needs no restart.
    api = WsApi(url, keys=lambda: credentials_of(files), receive=items.put_nowait)
    async with api:
        account = await api.call("account.status", omitZeroBalances=True)
        print(f"clock: {api.offset_ms} ms off; assets:", account["balances"])
        # Made again, signed anew, after every reconnect.
        await api.subscribe(UserSubscription("userDataStream.subscribe.signature", "my account"))
        while most is None or most > 0:
            show(await items.get())
            most = None if most is None else most - 1


def show(item: WsApiItem) -> None:
    """Print what has come."""
    match item:
        case UserEvent():
            print(item.payload.decode())
        case Subscribed():
            print(f"events of {item.subscription.label} follow")
        case ConnectionLost():
            print(f"events are missed from here on: {item.cause}")
        case _:
            print(item)


if __name__ == "__main__":
    try:
        asyncio.run(follow(Path(sys.argv[1]), *sys.argv[2:3]))
    except (Retry, Refused) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass
