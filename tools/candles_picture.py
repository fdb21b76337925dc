"""Draws what examples/python/candles.py has printed: candles while a gap is open, and at the end.

make -s example NAME=candles | python -m tools.candles_picture > docs/candles.svg
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

LINE = re.compile(
    r"(?P<at>\d\d:\d\d:\d\d) \S+ (?P<prices>[\d.]+ [\d.]+ [\d.]+ [\d.]+) volume (?P<volume>[\d.]+) "
    r".*: (?P<status>\w+)$"
)
STEP, WIDTH, HEIGHT, TOP, VOLUME_HEIGHT, MARGIN = 44, 22, 170, 44, 40, 24
COLOURS = {"whole": "#2f6f9f", "filling": "#c0392b", "lacking": "#c0392b", "cut": "#9a9a9a"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A candle as it was printed."""

    at: str
    prices: tuple[float, ...]  # open, high, low, close
    volume: float
    status: str


def read(lines: Iterable[str]) -> tuple[dict[str, Shown], dict[str, Shown]]:
    """Return the candles by time: as they were when a first one was corrected, and at the end."""
    before: dict[str, Shown] = {}
    after: dict[str, Shown] = {}
    for line in lines:
        if (found := LINE.search(line)) is None:
            continue
        prices = tuple(map(float, found["prices"].split()))
        candle = Shown(found["at"], prices, float(found["volume"]), found["status"])
        if candle.at in after and not before:
            before = dict(after)
        after[candle.at] = candle
    return before, after


def picture(before: dict[str, Shown], after: dict[str, Shown]) -> str:
    """Return both as one SVG, with the same axes."""
    times = sorted(after)
    width = MARGIN * 2 + STEP * len(times)
    height = TOP + HEIGHT + VOLUME_HEIGHT + 2 * MARGIN
    parts = []
    for number, (title, candles) in enumerate(
        (("While the gap is open", before), ("After the backfill", after))
    ):
        place = f'<g transform="translate(0 {number * height})">'
        label = f'<text x="{MARGIN}" y="24" font-size="15" font-weight="bold">{title}</text>'
        parts += [place, label, *_panel(times, candles, after), "</g>"]
    size = f'width="{width}" height="{2 * height}" viewBox="0 0 {width} {2 * height}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    )
    return "\n".join(
        [head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>", ""]
    )


def _panel(times: list[str], candles: dict[str, Shown], scale: dict[str, Shown]) -> list[str]:
    highest = max(max(each.prices) for each in scale.values())
    lowest = min(min(each.prices) for each in scale.values())
    most = max(each.volume for each in scale.values())

    def y(price: float) -> float:
        return TOP + HEIGHT * (highest - price) / (highest - lowest or 1)

    parts = []
    for number, at in enumerate(times):
        x = MARGIN + STEP * number + STEP / 2
        base = TOP + HEIGHT + VOLUME_HEIGHT + 6
        parts.append(f'<text x="{x:.0f}" y="{base + 14}" text-anchor="middle">{at[3:]}</text>')
        if (candle := candles.get(at)) is None:
            continue
        first, high, low, last = candle.prices
        colour = COLOURS[candle.status]
        dashed = ' stroke-dasharray="3 2"' if candle.status in ("filling", "lacking") else ""
        style = f'stroke="{colour}" fill="{colour if last < first else "white"}"{dashed}'
        top, body = y(max(first, last)), max(1.0, abs(y(first) - y(last)))
        left, bar = x - WIDTH / 2, VOLUME_HEIGHT * candle.volume / most
        parts += [
            f'<line x1="{x}" x2="{x}" y1="{y(high):.1f}" y2="{y(low):.1f}" {style}/>',
            f'<rect x="{left}" y="{top:.1f}" width="{WIDTH}" height="{body:.1f}" {style}/>',
            f'<rect x="{left}" y="{base - bar:.1f}" width="{WIDTH}" height="{bar:.1f}" '
            f'fill="{colour}" opacity="0.35"/>',
            f'<text x="{x}" y="{y(high) - 5:.1f}" text-anchor="middle" fill="{colour}" '
            f'font-size="10">{candle.status}</text>',
        ]
    return parts


if __name__ == "__main__":
    print(picture(*read(sys.stdin)), end="")
