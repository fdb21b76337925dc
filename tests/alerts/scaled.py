"""The rules with shorter times: what takes minutes in production takes seconds here. Pure."""

import copy
import math
import re
from typing import Any

FACTOR = 60.0
SHORTEST_RANGE_S = 4.0  # increase() needs two scrapes and better has more
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
# Seconds, and events within a range, that stand in expressions as numbers: text -> text.
THRESHOLDS = {
    "BkcBacklogOld": (("> 10", "> 2"),),
    "BkcStreamStalled": (("> 120", "> 3"),),
    "BkcGapsOpenLong": (("> 1800", "> 10"),),
    "BkcReconnectStorm": (("> 100", "> 6"),),
    "BkcRegistryErrors": (("> 3", "> 1"),),
    # So few records are timed in some seconds that one late one is many percent.
    "BkcLagBudgetBurnFast": (("> 14.4 * 0.01", "> 0.5"), ("> 6 * 0.01", "> 0.5"), ("> 50", "> 10")),
    "BkcLagBudgetBurnSlow": (("> 0.01", "> 0.5"), ("> 300", "> 50")),
}


def scaled(document: dict[str, Any]) -> dict[str, Any]:
    """Return a rule file's content with `for`, ranges and thresholds divided."""
    made = copy.deepcopy(document)
    for group in made["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule["expr"] = _expression(rule)
            if "for" in rule:
                rule["for"] = f"{math.ceil(_seconds(rule['for']) / FACTOR)}s"
    return made


def _expression(rule: dict[str, Any]) -> str:
    text = str(rule["expr"])
    for old, new in THRESHOLDS.get(rule.get("alert", ""), ()):
        assert old in text, f"{rule['alert']} has no {old!r}"
        text = text.replace(old, new)
    return re.sub(r"\[(\w+)\]", lambda found: f"[{_range(found[1])}]", text)


def _range(text: str) -> str:
    return f"{math.ceil(max(SHORTEST_RANGE_S, _seconds(text) / FACTOR))}s"


def _seconds(text: str) -> float:
    return float(text[:-1]) * UNITS_S[text[-1]]
