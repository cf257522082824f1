"""New products get a part of the places, by chances that are known and can be stored.

Nobody has bought a new product yet, so that no model ranks it. At each place that no rule holds,
one of the new products is drawn with the placement's probability ε, by its weight; otherwise the
place goes to whom it belongs. The probability of what was shown, given the places before it, is
therefore exact: ε × its part of the weights, and 1 − ε more if the place was its own. Over all
products it sums to 1 at every place. Why: docs/decisions/027-new-products-and-refills.md.
"""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.instants import DAY_MS

NEW_DAYS = 90
"""Days since it was first seen after which a product had its chance."""

NEW_BUYERS = 20
"""Buyers from whom on models know a product well enough."""

NEW_POOL = 200
"""New products among which one is drawn at most, the newest."""


def new_products(
    catalog: Catalog, buyers: npt.NDArray[np.int32], may: npt.NDArray[np.bool_], at: int
) -> npt.NDArray[np.int32]:
    """Products that are new at an instant, the newest first, at most NEW_POOL.

    Arguments:
        catalog: when they were first seen; of unknown ones nothing is new.
        buyers: distinct customers who bought each, shape (products,).
        may: which may be shown, shape (products,).
        at: int64 ms UTC.
    """
    seen = catalog.first_seen_at
    found = np.flatnonzero(seen > max(at - NEW_DAYS * DAY_MS, 0))
    found = found[may[found] & (buyers[found] < NEW_BUYERS)]
    order = np.argsort(-seen[found], kind="stable")[:NEW_POOL]
    return found[order].astype(np.int32)


def weights(score: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Softmax of what generators think of new products, over the highest, shape (n,).

    The best is drawn e times as often as one of which nobody thinks anything: enough to serve
    the customer, little enough that each is seen.
    """
    if not len(score):
        return np.empty(0, np.float64)
    highest = float(score.max())
    raised = np.exp(np.asarray(score, np.float64) / highest if highest > 0 else 0.0 * score)
    return np.asarray(raised / raised.sum(), np.float64)


def draws(seed: str, placement: str, k: int) -> npt.NDArray[np.float64]:
    """Two numbers within 0 and 1 for each place, the same for the same seed, shape (k, 2)."""
    digest = hashlib.blake2b(f"{seed}\0{placement}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest)).random((k, 2))
