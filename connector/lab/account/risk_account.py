"""A scripted account of products whose streams tell risk alone. No I/O.

Shapes: models of the official clients (margin 8.9.0, portfolio margin pro 9.1.0, 2026-10).
"""

from collections.abc import Mapping
from decimal import Decimal

from connector.lab.account.account import Event, LabAccount
from connector.lab.account.ledger import LabProduct
from connector.lab.clock import Clock


class RiskAccount(LabAccount):
    """Margin risk, the margin of a unified account, or portfolio margin pro.

    Attributes:
        level: The risk level, such as NORMAL or MARGIN_CALL.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        balances: Mapping[str, Decimal],
        clock: Clock,
        product: LabProduct,
    ) -> None:
        super().__init__(name, product, seed, balances, clock)
        self.level = "NORMAL"

    def change_level(self, level: str) -> list[Event]:
        """Change the risk level."""
        self.level = level
        now_ms = self.clock.now_ms()
        if self.product == "portfolio_margin_pro":
            changed = {"u": "1.25", "s": level, "eq": "1000", "ae": "999", "m": "5"}
            regular = {"u": "1.25", "eq": "1000", "ae": "999", "im": "10", "mm": "5"}
            return [
                {"e": "riskLevelChange", "E": now_ms, **changed},
                {"e": "PM_PRO_ACCOUNT_UPDATE", "E": now_ms, **regular, "avb": "900", "vmw": "800"},
            ]
        name = "marginLevelChange" if self.product == "margin_uta" else "MARGIN_LEVEL_STATUS_CHANGE"
        return [{"e": name, "E": now_ms, "l": "1.15", "s": level}]

    def borrow(self, asset: str, amount: Decimal) -> list[Event]:
        """Borrow an amount (margin risk and the margin of a unified account)."""
        self.ledger.move(asset, amount)
        now_ms = self.clock.now_ms()
        if self.product == "margin_uta":
            row = {"a": asset, "p": f"{amount}", "i": "0"}
            return [{"e": "liabilityChange", "E": now_ms, "t": "BORROW", "L": [row]}]
        head: Event = {"e": "USER_LIABILITY_CHANGE", "E": now_ms, "a": asset, "t": "BORROW"}
        return [head | {"p": f"{amount}", "i": "0"}]

    def transfer(self, asset: str, amount: Decimal) -> list[Event]:
        """Move an amount in, or (negative) out: no event of these streams tells it."""
        self.ledger.move(asset, amount)
        return []
