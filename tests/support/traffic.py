"""Made-up traffic of many streams, in simulated time: by chance, in bursts, heavy-tailed, day and
night. A pace is an endless row of gaps in seconds, given the time of day.
"""

import math
import random
from collections.abc import Callable, Iterator
from functools import partial

from connector.binance.stream_name import Stream, parse_any

Pace = Callable[[random.Random, float], float]
DAY_S = 900.0  # a day and a night, compressed


def chance(rate: float, rng: random.Random, _now: float) -> float:
    """Return a gap of events that know nothing of one another."""
    return rng.expovariate(rate)


def bursts(rate: float, rng: random.Random, _now: float) -> float:
    """Return a gap within a burst of about twenty, or now and then between two bursts."""
    inside = rng.random() < 0.95
    return rng.expovariate(rate * 10) if inside else rng.expovariate(rate / 10)


def heavy(rate: float, rng: random.Random, _now: float) -> float:
    """Return a gap of the Pareto kind: mostly short, a few very long."""
    return rng.paretovariate(1.7) * 0.4 / rate


def day_and_night(rate: float, rng: random.Random, now: float) -> float:
    """Return a gap by chance, ten times as long at night."""
    light = 0.55 + 0.45 * math.sin(2 * math.pi * now / DAY_S)
    return rng.expovariate(rate * light)


Paces = Callable[[float, random.Random, float], float]
PACES: tuple[Paces, ...] = (chance, bursts, heavy, day_and_night)


def times(pace: Pace, rng: random.Random, until: float) -> Iterator[float]:
    """Yield the times of a stream's events."""
    now = pace(rng, 0.0)
    while now < until:
        yield now
        now += pace(rng, now)


def many(count: int, rng: random.Random) -> list[tuple[Stream, Pace]]:
    """Return streams of several kinds and rates, from 5 a second to one in a minute."""
    kinds = ("trade", "bookTicker", "aggTrade", "kline_1m", "depth@100ms")
    made: list[tuple[Stream, Pace]] = []
    for number in range(count):
        rate = 5.0 * math.exp(-rng.random() * math.log(300))
        stream = parse_any("spot", f"coin{number}usdt@{kinds[number % len(kinds)]}")
        made.append((stream, partial(PACES[number % len(PACES)], rate)))
    return made
