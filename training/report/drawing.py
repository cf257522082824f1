"""Charts as SVG text whose colours the page chooses, so that they follow light and dark.

Everything drawn has a class and no colour. Charts are a phone's width; a page sets them side by
side where there is room.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import floor, isfinite, log10
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 440
HEIGHT: Final = 300
LEFT: Final = 52
RIGHT: Final = 22
TOP: Final = 12
BOTTOM: Final = 46

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """A linear axis."""

    low: float
    high: float
    label: str
    ticks: Sequence[tuple[float, str]]
    """Where, and what is written there."""

    @classmethod
    def share(cls, label: str, low: float = 0.0, high: float = 1.0, step: float = 0.25) -> "Axis":
        """An axis of shares in per cent."""
        count = round((high - low) / step)
        places = [low + i * step for i in range(count + 1)]
        return cls(low, high, label, [(at, f"{at:.0%}".replace("%", "\u00a0%")) for at in places])

    @classmethod
    def number(cls, label: str, values: Iterable[float], *, zero: bool = False) -> "Axis":
        """An axis that holds these values, with round ticks."""
        known = [value for value in values if isfinite(value)] or [0.0, 1.0]
        low, high = (0.0 if zero else min(known)), max(known)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        step = _step((high - low) / 4)
        first, last = _floor(low, step), -_floor(-high, step)
        places = [(first + i) * step for i in range(last - first + 1)]
        digits = max(0, len(f"{step:.6f}".rstrip("0").partition(".")[2]))
        return cls(places[0], places[-1], label, [(at, f"{at:,.{digits}f}") for at in places])


@dataclass
class Chart:
    """A chart under construction; what is drawn later lies on top."""

    title: str
    """Read aloud to who cannot see it: what it shows, in a sentence."""
    x: Axis
    y: Axis
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = BOTTOM
    parts: list[Markup] = field(default_factory=list)

    def line(self, points: Iterable[Point], name: str) -> None:
        """A line; points that are undefined part it."""
        pieces: list[list[str]] = [[]]
        for x, y in points:
            if isfinite(x) and isfinite(y):
                pieces[-1].append(f"{self._x(x):.1f},{self._y(y):.1f}")
            else:
                pieces.append([])
        for piece in pieces:
            if len(piece) > 1:
                self._add('<polyline class="line {}" points="{}"/>', name, " ".join(piece))

    def dots(self, points: Iterable[Point], name: str, radius: float = 3.2) -> None:
        """Dots."""
        for x, y in points:
            if isfinite(x) and isfinite(y):
                self._add(
                    '<circle class="dot {}" cx="{}" cy="{}" r="{}"/>',
                    name,
                    f"{self._x(x):.1f}",
                    f"{self._y(y):.1f}",
                    radius,
                )

    def words(self, x: float, y: float, text: str) -> None:
        """Words beside a point: right of it in the chart's left half, else left of it."""
        if isfinite(x) and isfinite(y):
            left = self._x(x) < (self.left + WIDTH - RIGHT) / 2
            self._add(
                '<text class="tick" x="{}" y="{}" dy="4" text-anchor="{}">{}</text>',
                f"{self._x(x) + (9 if left else -9):.1f}",
                f"{self._y(y):.1f}",
                "start" if left else "end",
                text,
            )

    def whisker(self, x: float, low: float, high: float, name: str) -> None:
        """An interval, upright."""
        if isfinite(low) and isfinite(high):
            at, a, b = self._x(x), self._y(low), self._y(high)
            path = f"M{at:.1f} {a:.1f}V{b:.1f}M{at - 3.5:.1f} {a:.1f}h7M{at - 3.5:.1f} {b:.1f}h7"
            self._add('<path class="whisker {}" d="{}"/>', name, path)

    def span(self, y: float, low: float, high: float, name: str) -> None:
        """An interval, lying."""
        if isfinite(low) and isfinite(high):
            at, a, b = self._y(y), self._x(low), self._x(high)
            path = f"M{a:.1f} {at:.1f}H{b:.1f}M{a:.1f} {at - 3.5:.1f}v7M{b:.1f} {at - 3.5:.1f}v7"
            self._add('<path class="whisker {}" d="{}"/>', name, path)

    def bar(self, x: float, width: float, y: float, name: str) -> None:
        """An upright bar from zero, centred at x; width in the axis's unit."""
        if isfinite(y):
            a, b = self._x(x - width / 2), self._x(x + width / 2)
            top, base = sorted((self._y(y), self._y(max(0.0, self.y.low))))
            self._add(
                '<rect class="bar {}" x="{}" y="{}" width="{}" height="{}"/>',
                name,
                f"{a:.1f}",
                f"{top:.1f}",
                f"{b - a:.1f}",
                f"{base - top:.1f}",
            )

    def svg(self) -> Markup:
        """The finished chart."""
        inner = Markup("").join([*self._axes(), *self.parts])
        return Markup(
            '<svg viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
        ).format(WIDTH, self.height, self.title, self.title, inner)

    def _axes(self) -> list[Markup]:
        base, end = self.height - self.bottom, WIDTH - RIGHT
        out = []
        for value, words in self.y.ticks:
            at = f"{self._y(value):.1f}"
            out.append(
                Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                    self.left, end, at, at
                )
            )
            out.append(
                Markup(
                    '<text class="tick" x="{}" y="{}" dy="4" text-anchor="end">{}</text>'
                ).format(self.left - 6, at, words)
            )
        for value, words in self.x.ticks:
            for place, part in enumerate(words.split("\n")):
                out.append(
                    Markup(
                        '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>'
                    ).format(f"{self._x(value):.1f}", base + 15 + 13 * place, part)
                )
        out.append(
            Markup('<line class="base" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                self.left, end, base, base
            )
        )
        out.append(
            Markup('<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                (self.left + end) / 2, self.height - 6, self.x.label
            )
        )
        middle = (TOP + base) / 2
        out.append(
            Markup(
                '<text class="label" transform="translate(12 {}) rotate(-90)" '
                'text-anchor="middle">{}</text>'
            ).format(middle, self.y.label)
        )
        return out

    def _add(self, template: str, *values: object) -> None:
        self.parts.append(Markup(template).format(*(escape(value) for value in values)))

    def _x(self, value: float) -> float:
        share = (value - self.x.low) / (self.x.high - self.x.low)
        return self.left + share * (WIDTH - RIGHT - self.left)

    def _y(self, value: float) -> float:
        share = (value - self.y.low) / (self.y.high - self.y.low)
        return self.height - self.bottom - share * (self.height - self.bottom - TOP)


def _step(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** floor(log10(least))
    return next((m * power for m in (1.0, 2.0, 5.0) if m * power >= least), 10 * power)


def _floor(value: float, step: float) -> int:
    return floor(value / step + 1e-9)
