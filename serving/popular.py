"""Lists without a model: what the store counted as bought most often, as far as it may be shown."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import structlog

from features.errors import StorageError
from models.next_product.query import Ask, Query
from models.next_product.recommendation import Recommendation, Shelf
from serving.listing import Fallback
from serving.live import Live
from serving.store import Store

log = structlog.get_logger()

DEPTH = 10_000
"""How far down the list of popular products is searched for those that may be shown."""


def popular(
    store: Store, query: Query, live: Live, at: int, why: Fallback
) -> tuple[list[Shelf], Fallback]:
    """A list for each that is asked for, no product twice; of the rules it follows `exclude`.

    Search results stay as they came.

    Arguments:
        store: what was bought.
        query: the lists, filters and exclusions.
        live: the products.
        at: the present.
        why: there is no other list.

    Returns:
        The lists, and why: `store_unavailable` when products come in no order, for that reason.
    """
    try:
        numbers: Sequence[int] = store.popular(DEPTH)
    except StorageError as error:
        log.error("recommending without the store", error=str(error))
        numbers, why = range(len(live.index)), "store_unavailable"
    known = live.index[[number for number in numbers if number < len(live.index)]]
    parent = live.catalog.parent
    ranked = list(dict.fromkeys(parent[known].tolist()))
    shelves, listed = [], set[int]()
    for ask in query.asks:
        passing, may = _shown(ask, query, live, at)
        order = [product for product in ranked if may[product]]
        if ask.placement.anchor == "results":  # variants are those that were given
            given = ((product, int(parent[product])) for product in dict.fromkeys(ask.anchors))
            order = [one for one, of in given if may[of] and (one == of or passing[one])]
        k = ask.placement.k if ask.k is None else ask.k
        best = [product for product in order if int(parent[product]) not in listed][:k]
        listed.update(parent[best].tolist())
        items = (Recommendation(p, 0.0, None, "Often bought here", "popular") for p in best)
        shelves.append(Shelf(ask.placement.name, tuple(items)))
    return shelves, why


def _shown(
    ask: Ask, query: Query, live: Live, at: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which products and variants can be bought and pass, and which parents anybody may see."""
    catalog = live.catalog
    allowed = ask.filters.allowed(catalog)
    passing = catalog.available if allowed is None else catalog.available & allowed
    out = np.zeros(len(catalog), np.bool_)
    out[catalog.parent[passing]] = True
    about = () if ask.placement.anchor == "results" else ask.anchors
    out[catalog.parent[[*query.exclude, *about]]] = False
    for rule in query.rules:
        if rule.action == "exclude" and rule.acts(ask.placement.name, at):
            out &= ~rule.concerned(catalog)
    return passing, out
