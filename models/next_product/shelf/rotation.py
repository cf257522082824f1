"""What was shown lately and not clicked sinks, so that the same page does not repeat."""

import numba as nb
import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.events.schema import schema
from features.instants import DAY_MS
from features.timeline import Timeline

_SHOWN = schema().code("Recommendation Shown")
_INTEREST = (
    "Recommendation Clicked",
    "Product Clicked",
    "Product Viewed",
    "Product Added",
    "Order Line",
)
_CODES = np.array([schema().code(name) for name in _INTEREST], np.uint8)
"""What shows that the customer took up a showing; it no longer counts then."""


def seen(
    timeline: Timeline, at: int, days: float, catalog: Catalog
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Products shown without a click just before an instant, and what is left of their score.

    Each showing counts 1, halved per `days` of age; the score is divided by 1 more than their
    sum. A click on the product, a view, or the cart ends what was shown before it.

    Arguments:
        timeline: the customer's.
        at: int64 ms UTC.
        days: after how many a showing counts half; 0 forgets all.
        catalog: the numbering of the products.

    Returns:
        Parents, rising, and factors within 0 and 1.
    """
    told = (timeline.type == _SHOWN) & (timeline.product >= 0)
    if days <= 0 or not told.any():
        return np.empty(0, np.int32), np.empty(0, np.float64)
    told |= np.isin(timeline.type, _CODES) & (timeline.product >= 0)
    rows = np.flatnonzero(told & timeline.before(at))
    parent = catalog.parent[timeline.product[rows]]
    products, place = np.unique(parent, return_inverse=True)
    age = (at - timeline.at[rows]) / (days * DAY_MS)
    count = _left(place, timeline.type[rows] == _SHOWN, np.exp2(-age), len(products))
    some = count > 0
    return products[some].astype(np.int32), 1.0 / (1.0 + count[some])


@nb.njit(cache=True)
def _left(place, is_shown, weight, n):  # type: ignore[no-untyped-def]  # compiled
    count = np.zeros(n)
    for r in range(len(place)):
        if is_shown[r]:
            count[place[r]] += weight[r]
        else:
            count[place[r]] = 0.0
    return count
