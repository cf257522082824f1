"""What may be shown at all, and what fills a list up when nobody proposes enough."""

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.errors import InputError
from models.next_product.opinions import best
from models.next_product.popular import Popular
from models.next_product.shelf.filters import Filters, Mask
from models.next_product.shelf.kept import Kept

MIN_AGE = "min_age"
"""The attribute that says from which age on a product may be shown, in years."""

SENSITIVE = "sensitive"
"""The attribute, true or false, that says that a product tells of somebody what is theirs alone:
health, faith, sex. It needs a consent that was given, not a basis of the shop's own."""


def sellable(
    catalog: Catalog,
    at: int,
    allowed: Mask | None = None,
) -> Mask:
    """Which parents may be shown, shape (products,); variants themselves never are.

    Arguments:
        catalog: what is not available in any variant is left out.
        at: int64 ms UTC; what was first seen at or after it does not exist yet.
        allowed: which products may be shown; a parent may if it or a variant may.

    Raises:
        InputError: `allowed` has another length than the catalogue.
    """
    mask = catalog.available & (catalog.first_seen_at < at)
    if allowed is not None:
        if allowed.shape != mask.shape:
            raise InputError(
                f"allowed has shape {allowed.shape}; the catalogue has {len(catalog):,} products"
            )
        mask = mask & allowed
    return parents(catalog, mask)


def offered(catalog: Catalog, at: int, filters: Filters) -> Mask:
    """As `sellable` for what passes filters, read-only, and kept for the next request.

    Raises:
        InputError: see `Filters.allowed`.
    """
    newest = _newest.get(catalog, (), lambda: int(catalog.first_seen_at.max(initial=0)))
    return _offered.get(
        catalog,
        (filters, min(at, newest + 1)),
        lambda: sellable(catalog, at, allowed=filters.allowed(catalog)),
    )


def too_young(catalog: Catalog, age: float | None) -> Mask | None:
    """Which parents have a variant that is not for this age; all limited ones when unknown."""
    if MIN_AGE not in catalog.attributes.names:
        return None

    def limited() -> Mask:
        least = catalog.attributes.number(MIN_AGE)
        return parents(catalog, ~np.isnan(least) if age is None else least > age)

    return _limited.get(catalog, (MIN_AGE, age), limited)


def delicate(catalog: Catalog) -> Mask | None:
    """Which parents have a variant that is sensitive; None when there is none."""
    if SENSITIVE not in catalog.attributes.names:
        return None
    return _limited.get(
        catalog,
        (SENSITIVE,),
        lambda: parents(catalog, catalog.attributes.holding(SENSITIVE, (True,))),
    )


def parents(catalog: Catalog, mask: Mask) -> Mask:
    """Which parents are in a mask, themselves or by a variant."""
    if not varied(catalog):
        return mask.copy()
    out = np.zeros(len(catalog), np.bool_)
    out[catalog.parent[mask]] = True
    return out


def varied(catalog: Catalog) -> bool:
    """Whether any product is a variant of another."""
    return _varied.get(
        catalog, (), lambda: not np.array_equal(catalog.parent, np.arange(len(catalog)))
    )


def filling(popular: Popular, catalog: Catalog) -> npt.NDArray[np.int32]:
    """All parents: what is popular first, then the rest, newest first."""
    leading = best(popular.buyers_, len(popular.buyers_))
    rest = np.ones(len(catalog), np.bool_)
    rest[leading] = False
    others = np.flatnonzero(rest & (catalog.parent == np.arange(len(catalog))))
    others = others[np.argsort(-catalog.first_seen_at[others], kind="stable")]
    return np.concatenate([leading, others]).astype(np.int32)


def in_order(
    popular: Popular, catalog: Catalog
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """What `filling` gives, and the place of each product in it; both kept."""

    def made() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        order = filling(popular, catalog)
        rank = np.full(len(catalog), len(catalog), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return order, rank

    return _orders.get(catalog, popular, made)


_orders: Kept[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = Kept(2)
_offered: Kept[Mask] = Kept(16)
_limited: Kept[Mask] = Kept(16)
_newest: Kept[int] = Kept(1)
_varied: Kept[bool] = Kept(1)
