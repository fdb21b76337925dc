"""What an API key may do, read from the exchange's answer."""

import json

import pytest

from connector.binance.api_key_rights import ApiKeyRights, read_rights
from connector.errors import Refused

# The example of the wallet API's page "Get API Key Permission", 2026-05-28.
EXAMPLE = {
    "ipRestrict": False,
    "createTime": 1623840271000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": True,
    "enableMargin": False,
    "enableFutures": False,
    "permitsUniversalTransfer": True,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": True,
    "enableSpotAndMarginTrading": False,
    "enablePortfolioMarginTrading": True,
}


def test_the_example_of_the_documentation_is_read() -> None:
    assert read_rights(json.dumps(EXAMPLE).encode()) == ApiKeyRights(
        ip_restricted=False,
        reading=True,
        moving=(
            "transfer between master and sub-account",
            "transfer between wallets and accounts",
        ),
        trading=("trade in portfolio margin",),
        unknown=(),
    )


def test_a_right_that_is_not_known_yet_is_named() -> None:
    rights = read_rights(json.dumps(EXAMPLE | {"enableTeleport": True}).encode())

    assert rights.unknown == ("enableTeleport",)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"ipRestrict":1}', b"\xff"])
def test_an_answer_of_something_else_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="no list of rights"):
        read_rights(body)
