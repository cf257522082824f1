"""What personas are called, and how they are described: by what sets them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.personas import traits
from models.personas.traits import BY_FEATURE, Shape
from models.reasons import figure

APART = 0.5
"""Standard deviations from everybody's mean from which on a persona may be called by a trait:
Cohen's (1988) medium effect."""

STILL_APART = 0.25
"""As long as this much is left, a persona keeps the name it had."""

MENTIONED = 0.3
"""Standard deviations from which on a trait is described."""

POINTS_APART = 0.05
"""Difference of two shares that a reader sees."""

TIMES_APART = 1.2
"""Ratio of two counts or amounts that a reader sees."""

LONGEST = 3
"""Traits in a description; more are not remembered."""

MOST = 2.0
"""What one trait counts for a name, at most: a rare trait is far from the mean in deviations."""

LONE = "All customers"
TYPICAL = "Typical customers"


@dataclass(frozen=True)
class Rule:
    """A name, and the traits that must lie above (+1) or below (-1) everybody's for it."""

    name: str
    traits: Mapping[str, int]

    def score(self, apart: Mapping[str, float], least: float = APART) -> float:
        """How well the name fits; 0 where it does not hold."""
        found = [sign * apart.get(feature, 0.0) for feature, sign in self.traits.items()]
        return sum(min(each, MOST) for each in found) if min(found) >= least else 0.0


_BASKETS = {traits.ORDER_VALUE: 1, traits.PIECES: 1}
_SMALL_BASKETS = {traits.ORDER_VALUE: -1, traits.PIECES: -1}

RULES: tuple[Rule, ...] = (
    Rule("Frequent big-basket shoppers", {traits.ORDERS: 1, **_BASKETS}),
    Rule("Frequent big spenders", {traits.ORDERS: 1, traits.ORDER_VALUE: 1}),
    Rule("Frequent small spenders", {traits.ORDERS: 1, traits.ORDER_VALUE: -1}),
    Rule("Frequent loyalty members", {traits.ORDERS: 1, traits.POINTS: 1}),
    Rule("Frequent bargain hunters", {traits.ORDERS: 1, traits.DISCOUNTS: 1}),
    Rule("Frequent shoppers", {traits.ORDERS: 1}),
    Rule("Occasional big-basket shoppers", {traits.ORDERS: -1, **_BASKETS}),
    Rule("Occasional big spenders", {traits.ORDERS: -1, traits.ORDER_VALUE: 1}),
    Rule("Occasional small-basket shoppers", {traits.ORDERS: -1, **_SMALL_BASKETS}),
    Rule("Occasional small spenders", {traits.ORDERS: -1, traits.ORDER_VALUE: -1}),
    Rule("Occasional bargain hunters", {traits.ORDERS: -1, traits.DISCOUNTS: 1}),
    Rule("Occasional shoppers", {traits.ORDERS: -1}),
    Rule("Big spenders", {traits.ORDER_VALUE: 1}),
    Rule("Small spenders", {traits.ORDER_VALUE: -1}),
    Rule("Big-basket shoppers", _BASKETS),
    Rule("Small-basket shoppers", _SMALL_BASKETS),
    Rule("Bulk buyers", {traits.PIECES: 1}),
    Rule("Few-piece shoppers", {traits.PIECES: -1}),
    Rule("Bargain hunters", {traits.DISCOUNTS: 1}),
    Rule("Full-price shoppers", {traits.DISCOUNTS: -1}),
    Rule("Frequent returners", {traits.RETURNS: 1}),
    Rule("Keepers of what they buy", {traits.RETURNS: -1}),
    Rule("Premium shoppers", {traits.PRICES: 1}),
    Rule("Budget shoppers", {traits.PRICES: -1}),
    Rule("One-category shoppers", {traits.FAVOURITE: 1}),
    Rule("All-round shoppers", {traits.FAVOURITE: -1}),
    Rule("App shoppers", {traits.APP: 1}),
    Rule("Store shoppers", {traits.STORE: 1}),
    Rule("Online shoppers", {traits.STORE: -1}),
    Rule("Keen browsers", {traits.SESSIONS: 1}),
    Rule("Newsletter readers", {traits.EMAILS: 1}),
    Rule("Points redeemers", {traits.POINTS: 1}),
    Rule("Customers who need support", {traits.TICKETS: 1}),
)
"""Names that say what is so; a name of several traits is taken where all hold."""


def visible(
    apart: Mapping[str, float], figures: Mapping[str, float], everybody: Mapping[str, float]
) -> dict[str, float]:
    """The distances of the traits whose figures differ so that a reader sees a difference.

    Many customers with none make a few per cent a long way in standard deviations; nobody is
    called a bargain hunter for 6 % where everybody has 4 %.

    Arguments:
        apart: by feature, a persona's distance from everybody in standard deviations.
        figures: by feature, its median or mean where known.
        everybody: those of all customers.
    """
    return {name: far for name, far in apart.items() if _differ(name, figures, everybody)}


def names(apart: Sequence[Mapping[str, float]], before: Sequence[str | None]) -> list[str]:
    """A name for each persona, no two alike.

    Together they fit as well as possible: of two that might have the same name, one is called by
    what is next. Where no rule holds they are typical customers, numbered if there are several.

    Arguments:
        apart: of each persona, by feature, its distance from everybody, as `visible` has it.
        before: the name each had in the last training; kept while it is true.
    """
    if len(apart) == 1:
        return [LONE]
    out = [_kept(theirs, name) for theirs, name in zip(apart, before, strict=True)]
    free = [rule for rule in RULES if rule.name not in out]
    rest = [place for place, name in enumerate(out) if name is None]
    scores = np.array([[rule.score(apart[place]) for rule in free] for place in rest])
    for row, column in zip(*linear_sum_assignment(-scores), strict=True) if rest else ():
        if scores[row, column] > 0:
            out[rest[row]] = free[column].name
    typical = (name for name in _typical(len(out)) if name not in out)
    return [next(typical) if name is None else name for name in out]


def description(
    name: str,
    apart: Mapping[str, float],
    figures: Mapping[str, float],
    everybody: Mapping[str, float],
) -> str:
    """One sentence on what sets a persona apart: what its name speaks of, then the most first.

    Arguments:
        name: one of `names`.
        apart: by feature, its distance from everybody, as `visible` has it.
        figures: by feature, its median or mean.
        everybody: those of all customers.
    """
    named = next((rule.traits for rule in RULES if rule.name == name), {})
    order = sorted(apart, key=lambda each: (each not in named, -abs(apart[each])))
    told = [each for each in order if each in named or abs(apart[each]) >= MENTIONED][:LONGEST]
    if not told:
        near = [_words(each, figures) for each in list(figures)[:LONGEST]]
        return f"Much like all customers: {_listed(near)}."
    first, *others = told
    parts = [f"{_words(first, figures)} (all customers: {_shown(first, everybody)})"]
    parts += [f"{_words(each, figures)} ({_shown(each, everybody)})" for each in others]
    return f"Typically {_listed(parts)}."


def of_all(figures: Mapping[str, float]) -> str:
    """The description of the only persona."""
    told = [_words(name, figures) for name in list(figures)[:LONGEST]]
    return "No group stands out that would be found again" + (
        f"; typically {_listed(told)}." if told else "."
    )


def _differ(feature: str, figures: Mapping[str, float], everybody: Mapping[str, float]) -> bool:
    if feature not in figures:
        return False
    here, there = sorted((figures[feature], everybody[feature]))
    if BY_FEATURE[feature].shape is Shape.SHARE:
        return there - here >= POINTS_APART
    return there > here * TIMES_APART


def _kept(apart: Mapping[str, float], name: str | None) -> str | None:
    rule = next((rule for rule in RULES if rule.name == name), None)
    if rule is not None:
        return name if rule.score(apart, STILL_APART) > 0 else None
    alike = max(map(abs, apart.values()), default=0.0) < APART
    return name if alike and name in _typical(len(RULES)) else None


def _typical(several: int) -> list[str]:
    return [TYPICAL, *(f"{TYPICAL} {number}" for number in range(2, several + 2))]


def _words(feature: str, figures: Mapping[str, float]) -> str:
    shown = _shown(feature, figures)
    many = "" if shown == "1" else "s"
    return BY_FEATURE[feature].words.format(shown).replace("(s)", many)


def _shown(feature: str, figures: Mapping[str, float]) -> str:
    value, unit = figures[feature], BY_FEATURE[feature].unit
    # pennies of hundreds are not read
    return figure(value, "" if unit == "money" and value >= 100 else unit)


def _listed(parts: Sequence[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
