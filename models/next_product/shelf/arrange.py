"""How ranked products become a list: rules, rotation, diversity and new products, place by place.

At each place the first of these that has something to show decides: a pin at this place; a
promotion that is behind its share; with the placement's probability a draw from the new products;
and what is worth most by `mmr`. What nobody ranked comes when all that is ranked is on the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from models.next_product.placements import Placement
from models.next_product.shelf.diversity import Kinds
from models.next_product.shelf.rules import Rule
from models.next_product.shelf.slots import PINNED, PROMOTED, fill

DIVERSE = 200
"""Places within which a list is diverse; nobody compares what stands further down."""


@dataclass(frozen=True)
class Pool:
    """All that may be shown in one list; no product twice."""

    products: npt.NDArray[np.int32]
    """Parents: those ranked first, then what fills up, in its order."""
    score: npt.NDArray[np.float64]
    """Of those ranked, at least 0, shape (ranked,)."""
    new: npt.NDArray[np.float64]
    """The weight of each with which it is drawn as a new product, shape (products,)."""

    def __len__(self) -> int:
        return len(self.products)


@dataclass(frozen=True)
class Placed:
    """A product at its place."""

    product: int
    """The parent's catalogue index."""
    place: int
    """In the pool."""
    score: float
    """Relevance × rules × rotation."""
    parts: dict[str, float]
    propensity: float
    """The probability that it came to its place, given the places before it."""
    how: int
    """RANKED, PINNED, PROMOTED or EXPLORED."""
    rule: str | None
    """The rule that put it there or, for want of one, moved it."""


def arrange(
    pool: Pool,
    k: int,
    placement: Placement,
    catalog: Catalog,
    *,
    rules: Sequence[Rule] = (),
    seen: tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]] | None = None,
    draws: npt.NDArray[np.float64] | None = None,
    vectors: npt.NDArray[np.float32] | None = None,
) -> list[Placed]:
    """The list: `k` products, or all of the pool where there are fewer.

    Arguments:
        pool: what may be shown.
        k: how many.
        placement: its diversity and exploration.
        catalog: the numbering of the products.
        rules: those that act here and now.
        seen: what was shown lately: products, rising, and what is left of their score.
        draws: two numbers within 0 and 1 for each place, shape (k, 2); nothing new is drawn
            without them.
        vectors: of the contents of all products, each of length 1.
    """
    k = min(k, len(pool))
    if k == 0:
        return []
    ranked = len(pool.score)
    touched, moving = _moved(pool, rules, catalog)
    turned = _turned(pool, seen)
    score = pool.score * touched[:ranked] * turned[:ranked]
    order = np.concatenate([np.argsort(-score, kind="stable"), np.arange(ranked, len(pool))])
    products = pool.products[order]
    score = np.concatenate([score, np.zeros(len(pool) - ranked)])[order]
    by_name = sorted(rules, key=lambda rule: rule.name)
    pins, pinning = _pins(products, k, by_name, catalog)
    promoting = [rule for rule in by_name if rule.action == "promote"]
    members = np.zeros((len(promoting), len(pool)), np.bool_)
    for row, rule in enumerate(promoting):
        members[row] = rule.concerned(catalog)[products]
    kinds = Kinds.of(catalog, products, None if vectors is None else vectors[products])
    highest = score.max(initial=0.0)
    places, propensity, how, promotion = fill(
        score / highest if highest > 0 else score,
        ranked,
        kinds.path,
        kinds.brand,
        kinds.vectors,
        placement.diversity,
        pins,
        members,
        np.array([rule.share or 0.0 for rule in promoting]),
        pool.new[order],
        placement.exploration if draws is not None else 0.0,
        np.zeros((k, 2)) if draws is None else draws,
        DIVERSE,
    )
    out = []
    for slot, place in enumerate(places.tolist()):
        origin = int(order[place])
        relevance = float(pool.score[origin]) if origin < ranked else 0.0
        rule_name = moving.get(origin)
        if how[slot] == PINNED:
            rule_name = pinning[place]
        elif how[slot] == PROMOTED:
            rule_name = promoting[promotion[slot]].name
        parts = {
            "relevance": relevance,
            "rules": float(touched[origin]),
            "rotation": float(turned[origin]),
        }
        out.append(
            Placed(
                int(products[place]),
                origin,
                float(score[place]),
                parts,
                float(propensity[slot]),
                int(how[slot]),
                rule_name,
            )
        )
    return out


def _moved(
    pool: Pool, rules: Sequence[Rule], catalog: Catalog
) -> tuple[npt.NDArray[np.float64], dict[int, str]]:
    """What boosts and buries multiply each product's score by, and the first rule that does."""
    factor, by = np.ones(len(pool)), dict[int, str]()
    for rule in sorted(rules, key=lambda rule: rule.name):
        if rule.action in ("boost", "bury"):
            places = np.flatnonzero(rule.concerned(catalog)[pool.products])
            factor[places] *= rule.strength if rule.action == "boost" else 1 / rule.strength
            for place in places.tolist():
                by.setdefault(place, rule.name)
    return factor, by


def _turned(
    pool: Pool, seen: tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]] | None
) -> npt.NDArray[np.float64]:
    """What is left of each product's score after it was shown lately."""
    out = np.ones(len(pool))
    if seen is not None and len(seen[0]):
        found = np.minimum(np.searchsorted(seen[0], pool.products), len(seen[0]) - 1)
        there = seen[0][found] == pool.products
        out[there] = seen[1][found[there]]
    return out


def _pins(
    products: npt.NDArray[np.int32], k: int, rules: Sequence[Rule], catalog: Catalog
) -> tuple[npt.NDArray[np.int64], dict[int, str]]:
    """The place in the pool that is pinned at each place of the list, -1 for none."""
    pins, by = np.full(k, -1, np.int64), dict[int, str]()
    for rule in rules:
        if rule.action != "pin" or rule.position is None or rule.position > k:
            continue
        if pins[rule.position - 1] >= 0:
            continue
        found = np.flatnonzero(rule.concerned(catalog)[products])
        found = found[~np.isin(found, pins)]
        if len(found):
            pins[rule.position - 1] = found[0]
            by[int(found[0])] = rule.name
    return pins, by
