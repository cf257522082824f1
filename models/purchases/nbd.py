"""NBD: customers buy at rates of their own and never leave; the shrunk frequency.

Source: Ehrenberg (1959), The pattern of consumer purchases; a Gamma-mixed Poisson process.
"""

from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from models.purchases.counts import Counts, Floats
from models.purchases.model import PurchaseModel


class Nbd(PurchaseModel):
    """Gamma(r, α) distributed rates: the yardstick for models in which customers leave."""

    names: ClassVar[tuple[str, ...]] = ("r", "alpha")

    def _log_likelihood(self, parameters: Floats, counts: Counts) -> Floats:
        r, alpha = parameters
        x = counts.frequency
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        out: Floats = common - (r + x) * np.log(alpha + counts.age)
        return out

    def _alive(self, parameters: Floats, counts: Counts) -> Floats:  # noqa: ARG002
        return np.ones(len(counts))

    def _silent(self, parameters: Floats, counts: Counts, weeks: float) -> Floats:
        r, alpha = parameters
        out: Floats = (1 + weeks / (alpha + counts.age)) ** -(r + counts.frequency)
        return out

    def _orders(self, parameters: Floats, counts: Counts, weeks: float) -> Floats:
        r, alpha = parameters
        out: Floats = (r + counts.frequency) / (alpha + counts.age) * weeks
        return out
