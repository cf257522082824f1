"""Figures as they are read: numbers, days, shares and amounts in a marketer's English."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from features.definitions import FEATURES, Feature


class Figures:
    """One customer's features, where they are known.

    >>> of = Figures({"purchase_orders_life": 3.0, "experience_nps_last": math.nan})
    >>> of("purchase_orders_life"), of("experience_nps_last"), of("a_feature_of_old")
    (3.0, None, None)
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values

    def __call__(self, feature: str) -> float | None:
        """The figure; None where it is undefined, or not given."""
        value = self._values.get(feature, math.nan)
        return float(value) if math.isfinite(value) else None


def speaks(feature: str) -> bool:
    """Whether a feature's figure means something to a reader; a category's number does not."""
    found = declared().get(feature)
    return found is None or not found.unit.endswith((" index", " code"))


def sentence(feature: str, value: float) -> str:
    """A feature's meaning and value, in words; the plain name if nobody declares it.

    >>> sentence("cadence_order_days_since_last", 71.2)
    'Days since the last order: 71'
    """
    found = declared().get(feature)
    meaning = found.meaning if found else feature.replace("_", " ")
    return f"{meaning}: {figure(value, found.unit if found else '')}"


@cache
def declared() -> dict[str, Feature]:
    """Every declared feature, by name."""
    return {feature.name: feature for feature in FEATURES}


def figure(value: float, unit: str) -> str:
    """A value as it is read, by the unit of its feature."""
    if math.isnan(value):
        return "not known"
    if unit == "share":
        return f"{value:.0%}"
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "times" or (abs(value) < 10 and not float(value).is_integer()):
        return f"{value:.1f}"
    return f"{value:,.0f}"


def number(value: float) -> str:
    """A count: `3`, `1,204`; a mean below ten with one decimal."""
    if abs(value) < 9.95 and abs(value - round(value)) >= 0.05:
        return f"{value:.1f}"
    return f"{round(value):,}"


def count(value: float, one: str, several: str = "") -> str:
    """A number of things.

    >>> count(1, "order"), count(3, "order"), count(0, "order"), count(2, "category", "categories")
    ('1 order', '3 orders', 'no order', '2 categories')
    """
    shown = number(value)
    if shown in ("0", "1"):
        return f"{'no' if shown == '0' else shown} {one}"
    return f"{shown} {several or one + 's'}"


def times(value: float) -> str:
    """How often: once, twice, 3 times."""
    shown = number(value)
    return {"1": "once", "2": "twice"}.get(shown, f"{shown} times")


def days(value: float) -> str:
    """Whole days, at least one."""
    return count(max(1, round(value)), "day")


def ago(value: float) -> str:
    """How long ago, from days."""
    return f"{days(value)} ago" if value >= 1 else "less than a day ago"


def share(value: float) -> str:
    """A share in per cent."""
    return "under 1%" if 0 < value < 0.005 else f"{value:.0%}"


def amount(value: float) -> str:
    """Money; the pennies of hundreds are not read."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def over_time(
    spans: Sequence[tuple[str, float | None]],
    say: Callable[[float], str],
    *,
    again: Callable[[float], str] = number,
    none: str = "none",
) -> str | None:
    """A figure in ever shorter spans that end now; what says nothing new is left out.

    Arguments:
        spans: words for the span, and the figure in it; the longest first.
        say: the first figure in words, as "3 orders".
        again: the other figures in words.
        none: what the others say instead of 0.

    >>> orders = lambda n: count(n, "order")
    >>> over_time([("so far", 7), ("in the last year", 3), ("in the last 90 days", 1)], orders)
    '7 orders so far, 3 in the last year, 1 in the last 90 days'
    >>> over_time([("so far", 3), ("in the last year", 3), ("in the last 90 days", 0)], orders)
    '3 orders so far, none in the last 90 days'
    >>> over_time([("so far", 3), ("in the last year", 3)], orders)
    '3 orders so far, all in the last year'
    """
    known = [(when, value) for when, value in spans if value is not None]
    if not known:
        return None
    (when, first), *rest = known
    if first <= 0:
        return f"{say(0)} {when}"
    told, latest = [f"{say(first)} {when}"], first
    for place, (when, value) in enumerate(rest):
        shorter = rest[place + 1][1] if place + 1 < len(rest) else None
        if value <= 0:
            told.append(f"{none} {when}")
            break
        if value < latest and value != shorter:
            told.append(f"{again(value)} {when}")
            latest = value
        elif value == first and shorter is None and first > 1:
            told.append(f"all {when}")
    return ", ".join(told)


def capital(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def listed(parts: Sequence[str]) -> str:
    """As `a, b and c`."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
