"""After how many days a product is bought again: one customer's few gaps, helped by everybody's.

Gaps are compared by their logarithms, as a forgotten order doubles one. What a customer's own
gaps say is mixed with the product's usual gap, and that with everybody's, by credibility: n own
gaps count n / (n + k), where k is the variance of gaps within over the variance between, both
estimated by moments. Source: Bühlmann and Straub, Glaubwürdigkeit für Schadensätze (1970), and
in two steps Jewell, The Use of Collateral Data in Credibility Theory (1975).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.instants import DAY_MS

MOST_WEIGHT = 100.0
"""Of what is common, in gaps, where nothing speaks for a difference."""

LEAST_WEIGHT = 0.01
"""The same where customers' gaps never vary; who has none still needs something to go by."""

LEAST_SPREAD = 0.05
"""Of log gaps: nobody comes to the hour."""

NOT_KNOWN = 0.7
"""Spread of log gaps that is assumed before any customer has two of one product: a gap is then
between half and twice the usual one in two of three cases."""


@dataclass(frozen=True)
class Gaps:
    """The usual days between two purchases of a product, as learnt from a population."""

    product_days: npt.NDArray[np.float32]
    """Of each product, mixed with everybody's, shape (products,); NaN if no gap is known."""
    everyone_days: float
    weight: float
    """How many gaps of their own a customer needs to count as much as the product."""
    spread: float
    """Standard deviation of a customer's log gaps."""

    @classmethod
    def none(cls, n_products: int) -> "Gaps":
        """Nothing was ever bought twice."""
        return cls(np.full(n_products, np.nan, np.float32), np.nan, MOST_WEIGHT, NOT_KNOWN)

    @classmethod
    def learn(
        cls,
        pair: npt.NDArray[np.int64],
        product: npt.NDArray[np.int32],
        days: npt.NDArray[np.float64],
        n_products: int,
    ) -> "Gaps":
        """From all gaps of a population.

        Arguments:
            pair: a number for the customer and the product of each gap, from 0.
            product: of each gap.
            days: its length, above 0.
            n_products: the size of the catalogue.
        """
        if not len(days):
            return cls.none(n_products)
        log = np.log(days)
        within, weight = _credibility(log, pair, product)
        _, product_weight = _credibility(log, product, np.zeros(len(log), np.int64))
        number = np.bincount(product, minlength=n_products)
        everyone = float(log.mean())
        total = np.bincount(product, log, n_products)
        usual = (total + product_weight * everyone) / (number + product_weight)
        return cls(np.exp(usual).astype(np.float32), float(np.exp(everyone)), weight, within)

    def mixed(
        self,
        number: npt.NDArray[np.int64],
        log_sum: npt.NDArray[np.floating],
        usual_days: npt.NDArray[np.floating],
    ) -> npt.NDArray[np.float64]:
        """What is usual for customers, in days.

        Arguments:
            number: how many gaps of their own the customers have of a product.
            log_sum: the sum of their logarithms.
            usual_days: the product's usual gap.
        """
        common = self.weight * np.log(usual_days.astype(np.float64))
        out: npt.NDArray[np.float64] = np.exp((log_sum + common) / (number + self.weight))
        return out


def between(
    pair: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Gaps between purchases: of which pair, and how many days; purchases of one day are one.

    Arguments:
        pair: a number for the customer and product of each purchase; those of one together.
        at: int64 ms UTC, rising within a pair.
    """
    days = np.diff(at // DAY_MS)
    gap = (np.diff(pair) == 0) & (days > 0)
    return pair[1:][gap], days[gap].astype(np.float64)


def _credibility(
    log: npt.NDArray[np.float64], small: npt.NDArray[np.integer], large: npt.NDArray[np.integer]
) -> tuple[float, float]:
    """The standard deviation within small groups, and the weight of their large group."""
    _, place = np.unique(small, return_inverse=True)
    number = np.bincount(place)
    mean = np.bincount(place, log) / number
    _, of_large = np.unique(large, return_inverse=True)
    in_large = np.bincount(of_large)
    centre = np.bincount(of_large, log) / in_large
    groups, freedom = len(number), len(log) - len(number)
    if freedom < 1 or groups <= len(in_large):
        return NOT_KNOWN, MOST_WEIGHT
    within = float(((log - mean[place]) ** 2).sum()) / freedom
    over = float(((mean[place] - centre[of_large]) ** 2).sum()) - (groups - len(in_large)) * within
    size = len(log) - float((number[place] / in_large[of_large]).sum())
    apart = max(over / size, 0.0) if size > 0 else 0.0
    weight = MOST_WEIGHT if within >= MOST_WEIGHT * apart else within / apart
    return max(float(np.sqrt(within)), LEAST_SPREAD), max(weight, LEAST_WEIGHT)
