"""Parameters of faults as text: each value is read by its type, or refused with the cure."""

import math
import re
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from connector.binance.products import PRODUCTS, Product
from connector.errors import Refused, did_you_mean

_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}
_MANY = 10**6
_RANGES: dict[str, tuple[float, float]] = {
    "n": (1, _MANY),
    "times": (1, _MANY),
    "every": (1, _MANY),
    "status": (200, 599),
    "never": (0, 1),
    "ahead": (1, 2**63),
    "cap": (0, _MANY),
    "twice": (0, _MANY),
    "early": (0, _MANY),
    "stuck": (1, _MANY),
    "lost": (1, _MANY),
    "first": (1, 2**31 - 1),
}


def value_of(text: str, name: str, value: str, hint: Any) -> Any:
    """Return a parameter's value.

    Args:
        text: The fault as written, for the error.
        name: The parameter.
        value: The value as written.
        hint: The parameter's type.

    Raises:
        Refused: which says what would be right.
    """
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if Product in kinds:
        if value not in PRODUCTS:
            raise Refused(f"fault {text!r}: {value!r} is no product; {nearest(value, [*PRODUCTS])}")
        return value
    if get_origin(kinds[0]) is Literal:
        return _choice(text, name, value, [*get_args(kinds[0])])
    if bool in kinds:
        return _choice(text, name, value, ["true", "false"]) == "true"
    if float in kinds:
        return _in_range(text, name, seconds(text, value))
    return _in_range(text, name, _whole(text, name, value)) if int in kinds else value


def _choice(text: str, name: str, value: str, allowed: list[str]) -> str:
    if value not in allowed:
        choices = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        raise Refused(f"fault {text!r}: {name} is {choices}, not {value!r}")
    return value


def _whole(text: str, name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise Refused(f"fault {text!r}: {name} is a whole number, not {value!r}") from error


def _in_range(text: str, name: str, number: float) -> float:
    least, most = _RANGES.get(name, (-math.inf, math.inf))
    if not least <= number <= most:
        raise Refused(f"fault {text!r}: {name} is {least} to {most}, not {number}")
    return number


def seconds(text: str, value: str) -> float:
    """Return a time in seconds.

    Raises:
        Refused: it is no time.
    """
    found = _TIME.fullmatch(value)
    if found is None:
        raise Refused(f"fault {text!r}: {value!r} is no time; write 500ms, 10s, 5m or 1h")
    return float(found[1]) * _UNITS[found[2]]


def nearest(word: str, known: list[str]) -> str:
    """Return the end of an error text: the nearest known word, or all of them."""
    near = did_you_mean(word, known)
    return f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
