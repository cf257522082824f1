"""What each source of candidates contributes: lists without it.

The source is silent when candidates are proposed and ranked; the ranker is not learnt again, so
that it still expects to hear it: one learnt without the source would make up for some of the loss.
"""

import copy
from collections.abc import Callable, Iterator

import numpy as np

from models.next_product import Candidates, NextProductModel
from models.next_product.history import Histories
from models.next_product.opinions import Opinions, Sparse
from training.baselines import Ranked


def silenced(generator: Candidates) -> Candidates:
    """A copy of a fitted generator that has no opinion of anything."""
    n_products = generator.n_products_

    def nothing(histories: Histories) -> Opinions:
        offsets = np.zeros(len(histories) + 1, np.int64)
        return Sparse(offsets, np.empty(0, np.int32), np.empty(0, np.float32), n_products)

    out = copy.copy(generator)
    out.opinions = nothing  # type: ignore[method-assign]
    return out


def without_each(
    model: NextProductModel, rank: Callable[[NextProductModel], Ranked]
) -> Iterator[tuple[str, Ranked]]:
    """The name of each source, and the lists without it.

    Arguments:
        model: fitted; it stays as it is.
        rank: gives a model's lists.
    """
    for place, generator in enumerate(model.generators):
        less = copy.copy(model)
        less.generators = list(model.generators)
        less.generators[place] = silenced(generator)
        yield generator.name, rank(less)
