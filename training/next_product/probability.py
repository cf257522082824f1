"""Whether the purchase probabilities that are said come true."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.reference import Reference
from features.timeline import Timelines
from models.next_product import NextProductModel
from models.next_product.period import Period
from training.metrics import Floats, expected_calibration_error, reliability

CUSTOMERS = 500
"""Customers whose lists are made as the service makes them, one at a time."""

LENGTH = 10
"""Products of each list."""


@dataclass(frozen=True)
class Probability:
    """Probabilities of shown products, and which were bought."""

    said: Floats
    """Shape (n,)."""
    bought: npt.NDArray[np.bool_]

    @property
    def bins(self) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
        """Mean said, share bought and count of ten bins of equal counts."""
        return reliability(self.bought, self.said)

    @property
    def metrics(self) -> dict[str, float]:
        """mean_predicted, mean_observed, ece and brier of the probabilities."""
        return {
            "probability_mean_predicted": float(self.said.mean()),
            "probability_mean_observed": float(self.bought.mean()),
            "probability_ece": expected_calibration_error(self.bought, self.said),
            "probability_brier": float(np.mean((self.said - self.bought) ** 2)),
        }


def probability(
    model: NextProductModel,
    timelines: Timelines,
    catalog: Catalog,
    reference: Reference,
    period: Period,
    seed: int = 0,
) -> Probability | None:
    """Probabilities of the products that customers would have been shown.

    They are of customers who ordered in the period, as the probability is given that one orders.

    Arguments:
        model: trained on what was before the period.
        timelines: all customers.
        catalog: the numbering the timelines' products refer to; extends the model's.
        reference: population facts, extended to the catalogue.
        period: customers, and what they bought.
        seed: of whom is drawn.

    Returns:
        None where the model gives no probabilities.
    """
    n = len(period.customers)
    chosen = np.random.default_rng(seed).permutation(n)[:CUSTOMERS]
    said, bought = [], []
    for i in np.sort(chosen).tolist():
        mine = period.products[period.offsets[i] : period.offsets[i + 1]]
        listed = model.recommend(
            timelines.customer(int(period.customers[i])),
            period.at,
            LENGTH,
            catalog=catalog,
            reference=reference,
        )
        for item in listed:
            if item.probability is not None:
                said.append(item.probability)
                bought.append(item.product in mine)
    return Probability(np.array(said), np.array(bought, np.bool_)) if said else None
