"""What other lists would have earned, told from lists that were shown with known probabilities.

A list earns what its products earn. The estimators take a product's reward to depend on the
customer and the product, not on its place or its neighbours in the list (Li et al. 2018), and the
propensity to be the probability that the product stood in the list. Each shown product then counts
by how much likelier the other way of choosing would have shown it: inverse propensity scoring (IPS;
Horvitz and Thompson 1952), self-normalised (SNIPS; Swaminathan and Joachims 2015), and doubly
robust with a model of the reward (DR; Dudík, Langford and Li 2011). What could never have been
shown cannot be judged: IPS counts it as earning nothing, DR as the model says.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.errors import InputError, NotEnoughDataError
from training.intervals import RESAMPLES, Floats, Interval, ratio_intervals
from training.judging import CLIP

MIN_EFFECTIVE: Final = 50.0
"""Equally weighted products that the weighted ones must be worth at least."""

PRIOR: Final = 20.0
"""Impressions of the average product that each product's own rate is shrunk by."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ShownLists:
    """Lists that were shown, what each product earned, and what another way would have shown."""

    customer: Ints
    """Whose list it was, by any number, shape (lists,)."""
    listed: Ints
    """Place of the list of each shown product, shape (shown,)."""
    product: Ints
    """By catalogue index, shape (shown,)."""
    propensity: Floats
    """Probability that it was in the list, shape (shown,)."""
    reward: Floats
    """Shape (shown,)."""
    other_listed: Ints
    """Place of the list of each product that the other way would show, shape (wanted,)."""
    other_product: Ints
    other_probability: Floats
    """Probability that the other way shows it; 1 where it leaves nothing to chance."""

    def __len__(self) -> int:
        return len(self.customer)

    def checked(self) -> "ShownLists":
        """These lists.

        Raises:
            InputError: a propensity is not above 0 and at most 1.
            NotEnoughDataError: nothing was shown.
        """
        if not len(self.listed):
            raise NotEnoughDataError(
                "no list was shown that could be judged; collect impressions first"
            )
        wrong = ~((self.propensity > 0) & (self.propensity <= 1))
        if wrong.any():
            raise InputError(
                f"{int(wrong.sum()):,} shown products have a propensity that is not in (0, 1], the "
                f"first {self.propensity[wrong][0]}: log the probability with which each was shown"
            )
        return self

    @property
    def weight(self) -> Floats:
        """How much likelier the other way would have shown each shown product, shape (shown,)."""
        size = int(max(self.product.max(initial=0), self.other_product.max(initial=0))) + 1
        wanted = self.other_listed * size + self.other_product
        order = np.argsort(wanted)
        key = self.listed * size + self.product
        place = np.minimum(np.searchsorted(wanted[order], key), max(len(wanted) - 1, 0))
        if not len(wanted):
            return np.zeros(len(key))
        found = wanted[order][place] == key
        out: Floats = np.where(found, self.other_probability[order][place], 0.0) / self.propensity
        return out


@dataclass(frozen=True)
class Counterfactual:
    """What the shown lists earned and what the other ones would have; all per list."""

    lists: int
    customers: int
    logged: Interval
    """What the shown lists earned."""
    ips: Interval
    snips: Interval
    dr: Interval
    gain: Interval
    """DR less what the shown lists earned, on the same customers."""
    effective: float
    """Equally weighted products that the weighted ones are worth: (Σw)² / Σw² (Kish 1965)."""
    support: float
    """Sum of the weights over the number of products the other way shows; 1 is expected where it
    shows nothing that could not have been shown."""
    clipped: float
    """Share of the weighted products whose weight was clipped."""

    @property
    def metrics(self) -> dict[str, float]:
        """Flat names and figures."""
        out = {
            "lists": float(self.lists),
            "customers": float(self.customers),
            "effective": self.effective,
            "support": self.support,
            "clipped": self.clipped,
        }
        for name in ("logged", "ips", "snips", "dr", "gain"):
            each: Interval = getattr(self, name)
            out |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
        return out


def counterfactual(
    shown: ShownLists, *, clip: float = CLIP, resamples: int = RESAMPLES, seed: int = 0
) -> Counterfactual:
    """Judge another way of choosing by the lists that were shown.

    Intervals are of customers drawn with replacement, since one's lists resemble each other.

    Arguments:
        shown: at least one list.
        clip: the most a shown product counts.
        resamples: how many, for the intervals.
        seed: of the resampling.

    Raises:
        InputError: a propensity is impossible, or clip is not positive.
        NotEnoughDataError: too few shown products tell of the other way.
    """
    if clip <= 0:
        raise InputError(f"clip = {clip}: must be above 0")
    shown = shown.checked()
    raw = shown.weight
    weight = np.minimum(raw, clip)
    total = float(weight.sum())
    effective = total**2 / float(weight @ weight) if total > 0 else 0.0
    if effective < MIN_EFFECTIVE:
        raise NotEnoughDataError(
            f"of {len(raw):,} shown products {int((raw > 0).sum()):,} would also be shown the "
            f"other way, worth {effective:.1f} equally weighted ones; {MIN_EFFECTIVE:g} are "
            "needed: leave more to chance (a placement's exploration), or collect longer"
        )
    said, expected = _expected(shown)
    n = len(shown)

    def per_list(values: Floats, of: Ints) -> Floats:
        return np.bincount(of, values, minlength=n).astype(np.float64)

    other = per_list(shown.other_probability * expected, shown.other_listed)
    _, who = np.unique(shown.customer, return_inverse=True)
    columns = {
        "lists": np.ones(n),
        "logged": per_list(shown.reward, shown.listed),
        "ips": per_list(weight * shown.reward, shown.listed),
        "weight": per_list(weight, shown.listed),
        "length": per_list(shown.other_probability, shown.other_listed),
        "dr": other + per_list(weight * (shown.reward - said), shown.listed),
    }
    sums = {name: np.bincount(who, each).astype(np.float64) for name, each in columns.items()}
    found = ratio_intervals(
        sums,
        {
            "logged": lambda s: s["logged"] / s["lists"],
            "ips": lambda s: s["ips"] / s["lists"],
            "snips": lambda s: s["ips"] / s["weight"] * s["length"] / s["lists"],
            "dr": lambda s: s["dr"] / s["lists"],
            "gain": lambda s: (s["dr"] - s["logged"]) / s["lists"],
        },
        resamples=resamples,
        seed=seed,
    )
    return Counterfactual(
        lists=n,
        customers=int(who.max()) + 1,
        **found,
        effective=effective,
        support=total / float(columns["length"].sum()),
        clipped=float((raw > clip).sum() / max(1, (raw > 0).sum())),
    )


def _expected(shown: ShownLists) -> tuple[Floats, Floats]:
    """The reward a product is expected to earn, of the shown and of the other ones.

    Its mean reward where it was shown, shrunk to the mean of all, from the other half of the
    customers: what one did is not explained by itself.
    """
    half = np.unique(shown.customer, return_inverse=True)[1] % 2
    size = int(max(shown.product.max(initial=0), shown.other_product.max(initial=0))) + 1
    said, expected = np.zeros(len(shown.product)), np.zeros(len(shown.other_product))
    for fold in (0, 1):
        learnt = half[shown.listed] != fold
        rate = float(shown.reward[learnt].mean()) if learnt.any() else float(shown.reward.mean())
        earned = np.bincount(shown.product[learnt], shown.reward[learnt], minlength=size)
        often = np.bincount(shown.product[learnt], minlength=size)
        of_product = (earned + PRIOR * rate) / (often + PRIOR)
        mine, others = half[shown.listed] == fold, half[shown.other_listed] == fold
        said[mine] = of_product[shown.product[mine]]
        expected[others] = of_product[shown.other_product[others]]
    return said, expected
