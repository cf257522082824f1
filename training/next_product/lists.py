"""The lists that are compared: ours and every baseline's, of the same customers at one instant."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.consents import PROFILING
from features.reference import Reference
from features.timeline import Timelines
from models.next_product import Als, Neighbours, NextProductModel
from models.next_product.history import Histories
from training.baselines import Ranked, TifuKnn, UpCf, alone, personal, top_overall
from training.metrics import OURS

LONGEST = 20
"""Length of the lists that are evaluated."""


def ranked_lists(
    model: NextProductModel,
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    catalog: Catalog,
    reference: Reference,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Ranked]:
    """The `LONGEST` first products of each customer by method, ours first.

    Arguments:
        model: ours, trained on what was before the instant.
        timelines: all customers; the baselines learn from those who allow to be profiled.
        customers: places in the timelines of known, profiled customers, rising.
        at: int64 ms UTC.
        catalog: the numbering the timelines' products refer to; extends the model's.
        reference: the model's population facts, extended to the catalogue.
        progress: told the method that comes next.

    Returns:
        Products, -1 where there are no more, each of shape (customers, LONGEST).
    """
    everyone = np.flatnonzero(timelines.allowing(PROFILING, at)).astype(np.int64)
    everything = _histories(timelines, everyone, at, catalog)
    mine = _histories(timelines, customers, at, catalog)
    rows = np.searchsorted(everyone, customers)
    # longer than the lists, since one's own products are taken out of it
    top = top_overall(everything, 2 * LONGEST)
    methods: dict[str, Callable[[], Ranked]] = {
        OURS: lambda: model.rank(
            timelines, customers, at, LONGEST, catalog=catalog, reference=reference
        ),
        "g_topfreq": lambda: np.tile(_padded(top[:LONGEST]), (len(mine), 1)),
        "p_topfreq": lambda: personal(mine, LONGEST, np.empty(0, np.int32)),
        "gp_topfreq": lambda: personal(mine, LONGEST, top),
        "tifuknn": lambda: TifuKnn().rank(everything, rows, LONGEST),
        "upcf": lambda: UpCf().rank(everything, rows, LONGEST),
    }
    for generator in model.generators:
        if isinstance(generator, Als | Neighbours):
            methods[generator.name] = partial(alone, generator, mine, LONGEST)
    out = {}
    for name, rank in methods.items():
        if progress is not None:
            progress(name)
        out[name] = rank()
    return out


def _histories(
    timelines: Timelines, customers: npt.NDArray[np.int64], at: int, catalog: Catalog
) -> Histories:
    return Histories.of(timelines, customers, np.full(len(customers), at, np.int64), catalog)


def _padded(products: Ranked) -> Ranked:
    out = np.full(LONGEST, -1, np.int32)
    out[: len(products)] = products
    return out
