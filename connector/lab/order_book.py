"""One order book: behind its depth streams, its book ticker and its REST snapshots. Pure.

All streams of a book share its update ids, as on the exchange: each cuts the same changes into
events of its own.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

REACH = 1_000  # ticks from the middle to the farthest level
MAX_CHANGES = 20_000  # a stream that is further behind begins anew
_INITIAL_LEVELS = 300  # a side
_CHANGED_REACH = 900  # ticks from the middle within which levels change
_MAX_CHANGED_LEVELS = 12  # a side and event, as on BTCUSDT at 100 ms

Change = tuple[int, str, int, str]  # update id, side ("b" or "a"), ticks, new quantity ("" is gone)
Level = list[str]  # price, quantity: as on the wire
Sides = dict[str, list[Level]]


@dataclass(slots=True)
class Book:
    """Bids up to the middle, asks above it; the best level of each side always exists.

    Attributes:
        middle: Price of the best bid, in ticks; the best ask is one tick higher.
        update_id: Id of the last change.
        rng: Source of all random values.
        price: Ticks -> price as the product writes it.
        quantity: Returns a random quantity, never 0.
        nothing: Quantity of a removed level.
        widest: Most ids that one change uses up: more than one on futures.
        sides: "b" and "a" -> ticks -> quantity.
        changes: The newest changes, for streams that have not sent them yet.
        forgotten: Id of the newest change no longer among them.
        before: Id before the last `advance`: a stream that begins now begins there.
        sent: Stream name -> last id in its events.
    """

    middle: int
    update_id: int
    rng: random.Random
    price: Callable[[int], str]
    quantity: Callable[[], str]
    nothing: str
    widest: int = 1
    sides: dict[str, dict[int, str]] = field(default_factory=lambda: {"b": {}, "a": {}})
    changes: deque[Change] = field(default_factory=deque)
    forgotten: int = 0
    before: int = 0
    sent: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before = self.forgotten = self.update_id
        for offset in range(_INITIAL_LEVELS):
            self.sides["b"][max(1, self.middle - offset)] = self.quantity()
            self.sides["a"][self.middle + 1 + offset] = self.quantity()

    def follow(self, middle: int) -> None:
        """Move the middle: levels on the wrong side and out of reach are removed."""
        old, self.middle = self.middle, max(2, middle)
        for ticks in range(old, self.middle):  # upwards: asks are eaten, the farthest bids leave
            self._set("a", ticks + 1, "")
            self._set("b", ticks - REACH, "")
        for ticks in range(self.middle, old):
            self._set("b", ticks + 1, "")
            self._set("a", ticks + 1 + REACH, "")
        for side, ticks in (("b", self.middle), ("a", self.middle + 1)):
            if ticks not in self.sides[side]:
                self._set(side, ticks, self.quantity())

    def advance(self) -> None:
        """Change some levels, at least one."""
        self.before = self.update_id
        for side in "ba":
            for _ in range(self.rng.randint(0, _MAX_CHANGED_LEVELS)):
                self._change(side)
        if self.update_id == self.before:
            self.touch()

    def touch(self) -> None:
        """Give the best bid or the best ask another quantity."""
        side = self.rng.choice("ba")
        self._set(side, self.middle + (side == "a"), self.quantity())

    def _change(self, side: str) -> None:
        """Give a level another quantity; one in four is removed, the best one never."""
        offset = self.rng.randint(0, _CHANGED_REACH)
        ticks = max(1, self.middle - offset) if side == "b" else self.middle + 1 + offset
        stays = self.rng.randrange(4) or offset == 0
        self._set(side, ticks, self.quantity() if stays else "")

    def _set(self, side: str, ticks: int, quantity: str) -> None:
        levels = self.sides[side]
        if quantity:
            levels[ticks] = quantity
        elif levels.pop(ticks, None) is None:
            return
        self.update_id += self.rng.randint(1, self.widest) if self.widest > 1 else 1
        if len(self.changes) >= MAX_CHANGES:
            self.forgotten = self.changes.popleft()[0]
        self.changes.append((self.update_id, side, ticks, quantity))

    def next_event(self, name: str) -> tuple[int, int, int, Sides]:
        """Return the changes that a stream has not sent yet, and count them as sent.

        Returns:
            The last id of its previous event, the first and the last id of this one, the levels.
        """
        previous = self.sent.get(name, self.before)
        if previous < self.forgotten:  # too far behind: a gap, as after any outage
            previous = self.before
        fresh = self._since(previous)
        self.sent[name] = self.update_id
        newest = {(side, ticks): quantity for _, side, ticks, quantity in fresh}
        levels: Sides = {"b": [], "a": []}
        for side, ticks in sorted(newest, key=_best_first):
            levels[side].append([self.price(ticks), newest[side, ticks] or self.nothing])
        first = fresh[0][0] if self.widest > 1 else previous + 1
        return previous, first, self.update_id, levels

    def _since(self, update_id: int) -> list[Change]:
        fresh: list[Change] = []
        for change in reversed(self.changes):
            if change[0] <= update_id:
                break
            fresh.append(change)
        return fresh[::-1]

    def best(self) -> tuple[Level, Level]:
        """Return the best bid and the best ask."""
        bid, ask = self.middle, self.middle + 1
        return ([self.price(bid), self.sides["b"][bid]], [self.price(ask), self.sides["a"][ask]])

    def top(self, levels: int) -> Sides:
        """Return the best levels of both sides, best first, as a snapshot shows them."""
        return self.snapshot().top(levels)

    def snapshot(self) -> "Snapshot":
        """Return the book as it is now."""
        return Snapshot(self.update_id, self.sides, self.price)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A book's levels at one update id."""

    update_id: int
    sides: dict[str, dict[int, str]]
    price: Callable[[int], str]

    def frozen(self) -> "Snapshot":
        """Return a copy that later changes of the book do not touch."""
        sides = {side: dict(levels) for side, levels in self.sides.items()}
        return Snapshot(self.update_id, sides, self.price)

    def top(self, levels: int) -> Sides:
        """Return the best levels of both sides, best first."""
        best = {
            "b": heapq.nlargest(levels, self.sides["b"]),
            "a": heapq.nsmallest(levels, self.sides["a"]),
        }
        return {
            side: [[self.price(ticks), self.sides[side][ticks]] for ticks in prices]
            for side, prices in best.items()
        }


def _best_first(level: tuple[str, int]) -> int:
    side, ticks = level
    return ticks if side == "a" else -ticks
