"""Which products lead to which others, counted over occasions: baskets and sessions.

An occasion has products that lead and products that follow; they are the same where it is asked
what is bought or looked at together. Of all of them only so many are counted, so that neither a
wholesaler's basket nor a crawler's session costs more than many small ones.
"""

from collections.abc import Iterator

import numba as nb
import numpy as np
import numpy.typing as npt

from features.instants import DAY_MS
from models.next_product.opinions import Lists, Shown, Sparse

OCCASIONS = 1_000_000
"""Occasions that are counted, the newest."""

LEADS = 5_000
"""Occasions of one product that are counted, the newest; they stand for all of them."""

PRODUCTS = 50
"""Different products of an occasion that are counted, evenly from all of it: 2,450 pairs."""

FOLLOWING = 3
"""Baskets after one that may follow from it."""

SHRINKAGE = 2.0
"""Shared occasions that count half: once is chance."""

BLOCK = 5_000_000
"""Products reached from others that are counted at once, 60 MB."""


def newest(at: npt.NDArray[np.int64], most: int = OCCASIONS) -> npt.NDArray[np.int64]:
    """Places of the newest occasions, in their order; all when there are no more than `most`."""
    if len(at) <= most:
        return np.arange(len(at))
    return np.sort(np.argsort(-at, kind="stable")[:most])


def distinct(
    offsets: npt.NDArray[np.int64],
    product: npt.NDArray[np.int32],
    occasions: npt.NDArray[np.int64],
    most: int = PRODUCTS,
) -> Lists:
    """The different products of some occasions, each with weight 1.

    Arguments:
        offsets: products of occasion `o` are `offsets[o]:offsets[o + 1]`.
        product: by catalogue index.
        occasions: their places.
        most: of one occasion; of more, those that stand evenly in it are drawn.
    """
    ends, found = _distinct(offsets, product, occasions, most)
    return Lists(ends, found, np.ones(len(found), np.float32))


def following(
    baskets: Lists,
    at: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    days: float,
    most: int = PRODUCTS,
) -> Lists:
    """What the same customers bought soon after each basket and not in it, each with weight 1.

    Arguments:
        baskets: products of each basket; a customer's stand together in time order.
        at: instants, shape (baskets,).
        row: each basket's customer.
        days: after which a basket no longer follows from another.
        most: products that follow one basket, of the nearest baskets.
    """
    width = int(baskets.products.max(initial=-1)) + 1
    ends, found = _following(baskets.offsets, baskets.products, at, row, days * DAY_MS, most, width)
    return Lists(ends, found, np.ones(len(found), np.float32))


def associated(
    lead: Lists,
    follow: Lists,
    at: npt.NDArray[np.int64],
    n_products: int,
    most: int,
    shrinkage: float = SHRINKAGE,
) -> Sparse:
    """For each product those that follow it most, with a score of 0 to 1.

    The score is the cosine of the occasions that the one leads and those that the other follows
    in, times n / (n + shrinkage) of the n occasions they share. A product does not follow itself.

    Arguments:
        lead: what leads on each occasion.
        follow: what follows on it.
        at: instants of the occasions.
        n_products: the size of the catalogue.
        most: length of a list.
        shrinkage: shared occasions that count half.
    """
    occasion = lead.owner
    kept = np.flatnonzero(np.diff(follow.offsets)[occasion] > 0)
    occasion, product = occasion[kept], lead.products[kept]
    order = np.lexsort((at[occasion], product))
    led = np.bincount(product, minlength=n_products)
    begin = np.cumsum(led) - led
    place = np.arange(len(order)) - begin[product[order]]
    order = order[place >= (led - LEADS)[product[order]]]
    counted = np.minimum(led, LEADS)
    offsets = np.concatenate([[0], np.cumsum(counted)]).astype(np.int64)
    weight = (led / np.maximum(counted, 1))[product[order]].astype(np.float32)
    followed = np.bincount(follow.products, minlength=n_products)
    to = Sparse(follow.offsets, follow.products, follow.scores, n_products)
    places = occasion[order].astype(np.int32)
    reached = np.concatenate([[0], np.cumsum(np.diff(follow.offsets)[places])])[offsets]
    parts = []
    for first, last in blocks(reached):
        inside = slice(int(offsets[first]), int(offsets[last]))
        shared = Sparse.passed_on(
            offsets[first : last + 1] - offsets[first], places[inside], weight[inside], to
        )
        mine = np.repeat(np.arange(first, last), np.diff(shared.offsets))
        norm = np.sqrt(led[mine] * followed[shared.products].astype(np.float64))
        score = shared.scores**2 / (shared.scores + shrinkage) / norm
        scored = Sparse(shared.offsets, shared.products, score.astype(np.float32), n_products)
        parts.append(scored.top(most, others(first, last, n_products)))
    return joined(parts, n_products)


def blocks(reached: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of products that reach about BLOCK others together; `reached` counts up to each."""
    first, products = 0, len(reached) - 1
    while first < products:
        last = int(np.searchsorted(reached, reached[first] + BLOCK, side="right")) - 1
        last = min(max(last, first + 1), products)
        yield first, last
        first = last


def others(first: int, last: int, n_products: int) -> Shown:
    """For each product from `first` to `last` (exclusive) all but itself."""
    return Shown(
        np.ones(n_products, np.bool_),
        np.arange(last - first + 1),
        np.arange(first, last, dtype=np.int32),
    )


def joined(parts: list[Lists], n_products: int) -> Sparse:
    """Lists one after another."""
    counts = [np.zeros(1, np.int64), *(np.diff(part.offsets) for part in parts)]
    return Sparse(
        np.concatenate(counts).cumsum(),
        np.concatenate([np.empty(0, np.int32), *(part.products for part in parts)]),
        np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)]),
        n_products,
    )


@nb.njit(nogil=True, cache=True)
def _distinct(offsets, product, occasions, most):  # type: ignore[no-untyped-def]  # compiled
    width, room = 0, 0
    for occasion in occasions:
        room += min(most, offsets[occasion + 1] - offsets[occasion])
        for place in range(offsets[occasion], offsets[occasion + 1]):
            width = max(width, product[place] + 1)
    ends, found = np.zeros(len(occasions) + 1, np.int64), np.empty(room, np.int32)
    seen = np.full(width, -1, np.int64)
    n = 0
    for i in range(len(occasions)):
        begin, end = offsets[occasions[i]], offsets[occasions[i] + 1]
        mine = np.empty(end - begin, np.int32)
        held = 0
        for place in range(begin, end):
            if seen[product[place]] != i:
                seen[product[place]] = i
                mine[held] = product[place]
                held += 1
        kept = min(held, most)
        for j in range(kept):
            found[n] = mine[j * held // kept]
            n += 1
        ends[i + 1] = n
    return ends, found[:n]


@nb.njit(nogil=True, cache=True)
def _following(offsets, product, at, row, within, most, width):  # type: ignore[no-untyped-def]  # compiled
    baskets = len(offsets) - 1
    ends = np.zeros(baskets + 1, np.int64)
    found = np.empty(0, np.int32)
    seen = np.full(width, -1, np.int64)
    for filling in range(2):  # first they are counted, then written
        if filling:
            found = np.empty(ends[baskets], np.int32)
            seen[:] = -1
        n = 0
        for basket in range(baskets):
            for place in range(offsets[basket], offsets[basket + 1]):
                seen[product[place]] = basket
            begin = n
            for later in range(basket + 1, min(basket + 1 + FOLLOWING, baskets)):
                if row[later] != row[basket] or at[later] - at[basket] > within:
                    break
                for place in range(offsets[later], offsets[later + 1]):
                    if n - begin < most and seen[product[place]] != basket:
                        seen[product[place]] = basket
                        if filling:
                            found[n] = product[place]
                        n += 1
            ends[basket + 1] = n
    return ends, found
