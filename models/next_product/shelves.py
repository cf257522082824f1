"""One list for each of many customers, as `page` makes it for one: for a mailing."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from features.cart import Carts, carts
from features.catalog import Catalog
from features.errors import InputError
from features.reference import Reference
from features.timeline import Timeline, Timelines
from models.next_product.batch import Block
from models.next_product.candidate import Candidates
from models.next_product.opinions import Opinions, Shown
from models.next_product.page import draft, filled
from models.next_product.query import Query
from models.next_product.recommendation import Shelf
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
            each customer anew. Age and consent of the query hold for all of them.
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
    for_nobody = draft(nobody, ask)
    shows = ask.placement.shows
    did = Personal.of_many(timelines, customers, at, catalog, nobody.refills)
    did = did.without(why for why in Why if why.label in shows)
    instants = np.full(len(customers), at, np.int64)
    held = carts(timelines.rows, timelines.offsets, customers, instants, catalog.parent)
    shown = Shown(
        for_nobody.may.everyone,
        *_withheld(did, None if Why.ANCHOR.label in shows else held, catalog),
    )
    names = timelines.ids(customers)
    batch = model.batch(model.generators, timelines, catalog, reference)

    def judged(block: Block) -> tuple[Block, npt.NDArray[np.float64]]:
        return block, model.score(batch.rows(block, at), block.proposals)

    # what follows holds the interpreter's lock, so that it stays in one thread beside the others
    for block, score in batch.each(customers, at, shown, judged):
        said = dict(zip((each.name for each in model.generators), block.opinions, strict=True))
        ends = block.proposals.offsets
        for i, customer in enumerate(block.customers.tolist()):
            place, timeline = block.begin + i, timelines.customer(customer)
            seed = query.seed and f"{query.seed} {names[place]}"
            theirs = replace(query, seed=seed, explain=False)
            if ends[i] == ends[i + 1]:  # a batch proposes nothing to who bought nothing yet
                visit = Visit(model, timeline, at, theirs, catalog, reference)
            else:
                visit = _Foreseen(model, timeline, at, theirs, catalog, reference)
                visit.said, visit.place = said, i
                mine = score[ends[i] : ends[i + 1]]
                visit.found = Judged(block.proposals.part(i), mine, _NO_ROWS, ())
            if held.offsets[place] < held.offsets[place + 1]:
                wanted = draft(visit, ask)
            else:
                may = replace(for_nobody.may, personal=did.part(place))
                wanted = replace(for_nobody, may=may)
            yield filled(visit, wanted)


_NO_ROWS = np.empty((0, 0), np.float32)


class _Foreseen(Visit):
    """A visit of a customer whose candidates were judged before."""

    found: Judged
    said: Mapping[str, Opinions]
    """What each generator thinks, for the customers of a block."""
    place: int
    """Of this customer among them."""

    def judged(
        self,
        shown: Shown,
        also: Collection[int] | npt.NDArray[np.int32] = (),
        *,
        remembered: bool = True,
    ) -> Judged:
        """As they were judged."""
        del shown, also, remembered
        return self.found

    def opinion(self, generator: Candidates) -> Opinions:
        """As it was."""
        return self.said[generator.name].part(self.place, self.place + 1)


def _withheld(
    did: Personal, held: Carts | None, catalog: Catalog
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """What must not be shown to each customer, and what is in the cart: offsets and parents."""
    keys = _keys(did.offsets, did.products, len(catalog))
    if held is not None:
        product = np.where(held.product >= 0, catalog.parent[held.product], -1)
        in_cart = _keys(held.offsets, product, len(catalog))
        keys = np.union1d(keys, in_cart[product >= 0])
    offsets = np.searchsorted(keys, np.arange(len(did.offsets)) * len(catalog))
    return offsets.astype(np.int64), (keys % max(len(catalog), 1)).astype(np.int32)


def _keys(
    offsets: npt.NDArray[np.int64], products: npt.NDArray[np.int32], width: int
) -> npt.NDArray[np.int64]:
    """A number for each customer and product."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)) * width + products
