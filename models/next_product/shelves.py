"""One list for each of many customers, as `page` makes it for one: for a mailing."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from features.cart import carts
from features.catalog import Catalog
from features.errors import InputError
from features.reference import Reference
from features.timeline import Timeline, Timelines
from models.next_product.batch import Block
from models.next_product.opinions import Shown
from models.next_product.page import draft, filled
from models.next_product.query import Query
from models.next_product.recommendation import Shelf
from models.next_product.rows import Proposals
from models.next_product.shelf.withheld import Personal, Why
from models.next_product.visit import Judged, Visit

if TYPE_CHECKING:
    from models.next_product.pipeline import NextProductModel


def shelves(
    model: "NextProductModel",
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    query: Query,
    *,
    catalog: Catalog,
    reference: Reference,
) -> Iterator[Shelf]:
    """The list of each customer, in order; candidates are judged together, the rest is `page`'s.

    Arguments:
        model: fitted.
        timelines: all customers.
        customers: places in the timelines, shape (n,).
        at: int64 ms UTC; only what was known before it counts.
        query: with one list that is about nothing but the customer. New products are drawn for
            each customer anew.
        catalog: the present catalogue, which extends the one the model was fitted on.
        reference: the bundle's population facts, `extended` to the catalogue.

    Raises:
        InputError: the list is about a product, a cart, an order or search results; or see `page`.
    """
    (ask,) = query.asks
    if ask.placement.anchor != "none":
        raise InputError(
            f"placement {ask.placement.name!r} is about a page's {ask.placement.anchor}; lists for "
            "many are about nothing but the customer: choose one without an anchor"
        )
    nobody = Visit(model, Timeline.empty(), at, query, catalog, reference)
    everyone = draft(nobody, ask).may.everyone
    shown = Shown(everyone, *_withheld(timelines, customers, at, nobody, ask.placement.shows))
    names = timelines.ids(customers)
    batch = model.batch(model.generators, timelines, catalog, reference)

    def made(block: Block) -> list[Shelf]:
        proposals, rows = block.proposals, batch.rows(block, at)
        score = model.score(rows, proposals)
        out = []
        for i, customer in enumerate(block.customers.tolist()):
            mine = slice(int(proposals.offsets[i]), int(proposals.offsets[i + 1]))
            own = Proposals(
                np.array([0, mine.stop - mine.start], np.int64),
                proposals.products[mine],
                proposals.opinions[mine],
            )
            judged = Judged.by(score[mine], own, rows[mine], model.columns)
            seed = query.seed and f"{query.seed} {names[block.begin + i]}"
            theirs = replace(query, seed=seed, explain=False)
            timeline = timelines.customer(customer)
            visit = Visit(model, timeline, at, theirs, catalog, reference)
            if len(own.products):  # a batch proposes nothing to who bought nothing yet
                visit = _Foreseen(judged, model, timeline, at, theirs, catalog, reference)
            out.append(filled(visit, draft(visit, ask)))
        return out

    for lists in batch.each(customers, at, shown, made):
        yield from lists


class _Foreseen(Visit):
    """A visit of a customer whose candidates were judged before."""

    def __init__(self, judged: Judged, *visit: Any) -> None:
        super().__init__(*visit)
        self._judged = judged

    def judged(self, shown: Shown, also: Collection[int] | npt.NDArray[np.int32] = ()) -> Judged:
        """As they were judged."""
        del shown, also
        return self._judged


def _withheld(
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    nobody: Visit,
    shows: Collection[str],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """What must not be shown to each customer, and what is in the cart: offsets and parents."""
    catalog, instants = nobody.catalog, np.full(len(customers), at, np.int64)
    did = Personal.of_many(timelines, customers, at, catalog, nobody.refills)
    did = did.without(why for why in Why if why.label in shows)
    keys = _keys(did.offsets, did.products, len(catalog))
    if Why.ANCHOR.label not in shows:
        held = carts(timelines.rows, timelines.offsets, customers, instants, catalog.parent)
        product = np.where(held.product >= 0, catalog.parent[held.product], -1)
        in_cart = _keys(held.offsets, product, len(catalog))
        keys = np.union1d(keys, in_cart[product >= 0])
    offsets = np.searchsorted(keys, np.arange(len(customers) + 1) * len(catalog))
    return offsets.astype(np.int64), (keys % max(len(catalog), 1)).astype(np.int32)


def _keys(
    offsets: npt.NDArray[np.int64], products: npt.NDArray[np.int32], width: int
) -> npt.NDArray[np.int64]:
    """A number for each customer and product."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)) * width + products
