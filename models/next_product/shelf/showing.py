"""What may be shown at all, and what fills a list up when nobody proposes enough."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.errors import InputError
from models.next_product.opinions import best
from models.next_product.popular import Popular


def sellable(
    catalog: Catalog,
    at: int,
    exclude: Collection[int] = (),
    allowed: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """Which parents may be shown, shape (products,); variants themselves never are.

    Arguments:
        catalog: what is not available in any variant is left out.
        at: int64 ms UTC; what was first seen at or after it does not exist yet.
        exclude: products to leave out, with all their variants.
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
    out = np.zeros(len(catalog), np.bool_)
    out[catalog.parent[mask]] = True
    for product in exclude:
        if 0 <= product < len(catalog):
            out[catalog.parent[product]] = False
    return out


def filling(popular: Popular, catalog: Catalog) -> npt.NDArray[np.int32]:
    """All parents: what is popular first, then the rest, newest first."""
    leading = best(popular.buyers_, len(popular.buyers_))
    rest = np.ones(len(catalog), np.bool_)
    rest[leading] = False
    others = np.flatnonzero(rest & (catalog.parent == np.arange(len(catalog))))
    others = others[np.argsort(-catalog.first_seen_at[others], kind="stable")]
    return np.concatenate([leading, others]).astype(np.int32)
