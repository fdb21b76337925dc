"""What each API key of the lab may do, as `GET /sapi/v1/account/apiRestrictions` tells it."""

from typing import Any

PATH = "/sapi/v1/account/apiRestrictions"
# A key that reads, from listed addresses.
READ_ONLY: dict[str, Any] = {
    "ipRestrict": True,
    "createTime": 1_623_840_271_000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": False,
    "enableSpotAndMarginTrading": False,
    "enablePortfolioMarginTrading": False,
}
