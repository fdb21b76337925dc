"""One order book of the lab: what its depth streams tell of, and what its snapshots show. Pure.

All streams of a book share its update ids, as on the exchange: each cuts the same changes into
events of its own.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

REACH = 1_000  # ticks from the middle to the farthest level
REMEMBERED = 20_000  # changes a stream may be behind before it has to begin anew
_FILLED = 300  # levels a side that the book begins with
_FAR = 900  # ticks from the middle within which levels change
_MOST = 12  # changes a side and event, as on BTCUSDT at 100 ms

Change = tuple[int, str, int, str]  # update id, side ("b" or "a"), ticks, new quantity ("" is gone)
Level = list[str]  # price, quantity: as on the wire
Sides = dict[str, list[Level]]


@dataclass(slots=True)
class Book:
    """Bids up to the middle, asks above it.

    Attributes:
        middle: The highest price, in ticks, that a bid may have.
        update_id: Id of the last change.
        rng: Where chance comes from.
        price: Ticks -> price as the product writes it.
        quantity: A random quantity, never 0.
        nothing: Quantity of a removed level.
        widest: Most ids that one change uses up: more than one on futures.
        sides: "b" and "a" -> ticks -> quantity.
        changes: The newest changes, for streams that have not told them yet.
        forgotten: Id of the newest change no longer among them.
        before: Id before the last `advance`: where a stream that begins now begins.
        told: Stream name -> last id it has told.
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
        for offset in range(_FILLED):
            self.sides["b"][max(1, self.middle - offset)] = self.quantity()
            self.sides["a"][self.middle + 1 + offset] = self.quantity()

    def advance(self, middle: int) -> None:
        """Let the market move: at least one level changes, and none is left on the wrong side."""
        self.before, old = self.update_id, self.middle
        self.middle = max(2, middle)
        for ticks in range(old, self.middle):  # upwards: asks are eaten, the farthest bids leave
            self._set("a", ticks + 1, "")
            self._set("b", ticks - REACH, "")
        for ticks in range(self.middle, old):
            self._set("b", ticks + 1, "")
            self._set("a", ticks + 1 + REACH, "")
        for side in "ba":
            for _ in range(self.rng.randint(0, _MOST)):
                self._change(side)
        if self.update_id == self.before:
            self._set("b", self.middle, self.quantity())

    def _change(self, side: str) -> None:
        """Give a level another quantity; one in four is removed."""
        offset = self.rng.randint(0, _FAR)
        ticks = max(1, self.middle - offset) if side == "b" else self.middle + 1 + offset
        self._set(side, ticks, self.quantity() if self.rng.randrange(4) else "")

    def _set(self, side: str, ticks: int, quantity: str) -> None:
        levels = self.sides[side]
        if quantity:
            levels[ticks] = quantity
        elif levels.pop(ticks, None) is None:
            return
        self.update_id += self.rng.randint(1, self.widest) if self.widest > 1 else 1
        if len(self.changes) >= REMEMBERED:
            self.forgotten = self.changes.popleft()[0]
        self.changes.append((self.update_id, side, ticks, quantity))

    def tell(self, name: str) -> tuple[int, int, int, Sides]:
        """Return what a stream has not told yet.

        Returns:
            The last id it had told, the first and the last id of this event, the changed levels.
        """
        previous = self.sent.get(name, self.before)
        if previous < self.forgotten:  # too far behind: a hole, as after any outage
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

    def top(self, levels: int) -> Sides:
        """Return the best levels of both sides, best first, as a snapshot shows them."""
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
