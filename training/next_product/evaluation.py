"""The next-product model on what followed a cutoff, beside the baselines."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.consents import PROFILING
from features.errors import NotEnoughDataError
from features.instants import iso
from features.reference import Reference
from features.timeline import Timelines
from models.next_product import NextProductModel
from models.next_product.history import Histories
from training.dataset import observed, periods
from training.metrics import hits, recall_curve
from training.next_product.exposure import Range, exposure
from training.next_product.lists import ranked_lists
from training.next_product.scores import Truth, means, scores


@dataclass(frozen=True)
class NextProductEvaluation:
    """Ranked products at the cutoff against what was bought."""

    metrics: dict[str, float]
    """`<method>.<metric>`, with `customers` and `ours.candidate_recall`."""
    recall: dict[str, npt.NDArray[np.float64]]
    """Recall at 1, 2, … LONGEST by method."""
    importance: dict[str, float]
    """What each column contributes to our ranker, by name."""


def evaluate_next_product(
    model: NextProductModel,
    timelines: Timelines,
    catalog: Catalog,
    cutoff: int,
    *,
    reference: Reference | None = None,
    progress: Callable[[str], None] | None = None,
) -> NextProductEvaluation:
    """The next-product model on customers who order in the horizon.

    All products are ranked; known customers with an order before the cutoff count.

    Arguments:
        model: trained on what happened before the cutoff.
        timelines: all customers, the evaluated period included.
        catalog: the numbering the timelines' products refer to; extends the model's.
        cutoff: int64 ms UTC.
        reference: population facts as of the training, extended to the catalogue; as of the
            cutoff when None.
        progress: told the method that is ranked next.

    Raises:
        NotEnoughDataError: the horizon after the cutoff is not fully observed, or nobody is
            eligible.
    """
    observed(timelines, cutoff, model.horizon_days_)
    now = np.array([cutoff], np.int64)
    period = next(periods(timelines, catalog, now, model.horizon_days_))
    if not len(period.customers):
        raise NotEnoughDataError(
            f"no known customer ordered both before {iso(cutoff)} and in the "
            f"{model.horizon_days_} days after it; choose another cutoff"
        )
    facts = period.reference if reference is None else reference
    ranked = ranked_lists(model, timelines, period.customers, cutoff, catalog, facts, progress)
    truth = Truth.of(period, timelines, catalog)
    everyone = np.flatnonzero(timelines.allowing(PROFILING, cutoff)).astype(np.int64)
    instants = np.full(len(everyone), cutoff, np.int64)
    shelf = Range.of(catalog, Histories.of(timelines, everyone, instants, catalog))
    metrics: dict[str, float] = {}
    recall: dict[str, npt.NDArray[np.float64]] = {}
    for method, products in ranked.items():
        recall[method] = recall_curve(hits(products, truth.offsets, truth.products), truth.counts)
        figures = means(scores(products, truth)) | exposure(products, shelf, 10)
        metrics |= {f"{method}.{name}": value for name, value in figures.items()}
    metrics["ours.candidate_recall"] = model.candidate_recall(timelines, period, catalog)
    metrics["customers"] = float(len(truth))
    return NextProductEvaluation(metrics, recall, model.ranker.importance())
