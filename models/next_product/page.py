"""From a query to the lists of a page: one call, one customer, no product twice."""

from typing import TYPE_CHECKING

from features.catalog import Catalog
from features.reference import Reference
from features.timeline import Timeline
from models.next_product.query import Query
from models.next_product.recommendation import Shelf

if TYPE_CHECKING:
    from models.next_product.pipeline import NextProductModel


def page(
    model: "NextProductModel",
    timeline: Timeline,
    at: int,
    query: Query,
    *,
    catalog: Catalog,
    reference: Reference,
) -> tuple[Shelf, ...]:
    """The lists of a page, in the order in which they are asked for.

    Arguments:
        model: fitted.
        timeline: the customer's; empty for a stranger.
        at: int64 ms UTC; only what was known before it counts.
        query: which lists, and what of the shop's and the caller's wishes bears on them.
        catalog: the present catalogue, which extends the one the model was fitted on.
        reference: the bundle's population facts, `extended` to the catalogue.

    Returns:
        Each list with `k` products whenever so many may be shown there; a placement that does
        not fill up (search) gives what it was given.

    Raises:
        InputError: a k is negative; a filter or a rule names a field the catalogue does not
            have; an anchor is no product of the catalogue.
    """
    raise NotImplementedError
