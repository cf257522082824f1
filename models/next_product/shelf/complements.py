"""What goes with a product, and what would only replace it."""

from typing import Any

import numpy as np
import numpy.typing as npt

CLEARLY = 2.0
"""How many times as often as by chance what goes together is bought together."""

ALIKE = 0.9
"""Cosine of two contents from which on products are for the same use."""


def substitutes(
    category: npt.NDArray[np.int32],
    anchor_category: npt.NDArray[np.int32],
    together: npt.NDArray[np.bool_],
    similarity: npt.NDArray[np.floating[Any]] | None = None,
) -> npt.NDArray[np.bool_]:
    """Which products would replace an anchor rather than go with it, shape (n,).

    Those of an anchor's own category, the finest that is known, and those whose content is very
    much like an anchor's, unless people clearly buy both.

    Arguments:
        category: of each product, -1 for none, shape (n,).
        anchor_category: of each anchor, -1 for none, shape (anchors,).
        together: which are bought with an anchor more often than by chance, shape (n,).
        similarity: of each product's content to the most similar anchor's, shape (n,).
    """
    alike = np.isin(category, anchor_category[anchor_category >= 0])
    if similarity is not None:
        alike = alike | (similarity >= ALIKE)
    return alike & ~together


def beyond_chance(
    cosine: npt.NDArray[np.floating[Any]],
    baskets: npt.NDArray[np.int32],
    anchor_baskets: int,
    all_baskets: int,
) -> npt.NDArray[np.bool_]:
    """Which products stand in baskets with another clearly more often than by chance.

    At least CLEARLY times as often, and by more than three standard deviations of a Poisson
    count of one or more: in a small shop two baskets say nothing.

    Arguments:
        cosine: of the two products' baskets, shape (n,).
        baskets: in how many each product is, shape (n,).
        anchor_baskets: in how many the other one is.
        all_baskets: how many there are.
    """
    expected = baskets * (anchor_baskets / max(all_baskets, 1))
    counted = cosine * np.sqrt(baskets.astype(np.float64) * anchor_baskets)
    out: npt.NDArray[np.bool_] = (counted >= CLEARLY * expected) & (
        counted >= expected + 3 * np.sqrt(np.maximum(expected, 1.0)) - 1e-3  # of float32
    )
    return out
