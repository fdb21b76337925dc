"""What the payloads of several kinds have in common. Pure."""

from typing import Any

from connector.lab.instrument import Instrument

Payload = tuple[dict[str, Any], dict[str, Any]]  # wire payload, ids by record field


def head(instrument: Instrument, event: str, now: int) -> dict[str, Any]:
    """Return what nearly every payload begins with."""
    return {"e": event, "E": now, "s": instrument.symbol}


def futures(instrument: Instrument, *, pair: bool = False) -> dict[str, Any]:
    """Return the keys futures payloads carry since 2026-06-30."""
    kind = {"usdm": 1, "coinm": 2}.get(instrument.product)
    if kind is None:
        return {}
    return ({"ps": instrument.symbol.partition("_")[0]} if pair else {}) | {"st": kind}


def exact(cents: int) -> str:
    """Return a price with eight decimals, as indexes and marks have."""
    return f"{cents // 100}.{cents % 100:02d}000000"


def coin(instrument: Instrument) -> bool:
    """Return one of two with even chances."""
    return instrument.random.randrange(2) == 0


def at(now: int) -> dict[str, Any]:
    """Return the ids of an event whose identity is its time."""
    return {"event_time": now}
