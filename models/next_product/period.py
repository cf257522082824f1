"""What the ranker learns from: customers at a past instant, and what they bought after it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.reference import Reference
from models.next_product.rows import Proposals


@dataclass(frozen=True)
class Period:
    """Customers who bought in the horizon after a past instant, and what they bought."""

    at: int
    """The instant, int64 ms UTC."""
    customers: npt.NDArray[np.int64]
    """Places in the timelines, shape (n,)."""
    offsets: npt.NDArray[np.int64]
    """What customer `i` bought is `products[offsets[i]:offsets[i + 1]]`."""
    products: npt.NDArray[np.int32]
    """Parents, distinct and rising within a customer."""
    reference: Reference
    """Population facts as of the instant."""

    def bought(self, proposals: Proposals, begin: int) -> npt.NDArray[np.bool_]:
        """Which candidates were bought, shape (candidates,).

        Arguments:
            proposals: of the customers from place `begin` on.
            begin: place of the first of them in `customers`.
        """
        counts = np.diff(proposals.offsets)
        ends = self.offsets[begin : begin + len(counts) + 1]
        products = self.products[ends[0] : ends[-1]]
        size = int(max(proposals.products.max(initial=0), products.max(initial=0))) + 1
        owner = np.repeat(np.arange(len(counts)), counts)
        bought_by = np.repeat(np.arange(len(counts)), np.diff(ends))
        return np.isin(owner * size + proposals.products, bought_by * size + products)
