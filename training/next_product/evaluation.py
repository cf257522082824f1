"""The next-product model on what followed a cutoff, beside the baselines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

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
from training.baselines import Ranked
from training.dataset import observed, periods
from training.intervals import Interval, mean_intervals
from training.metrics import OURS, Floats, hits, recall_curve
from training.next_product.ablation import without_each
from training.next_product.exposure import Range, exposure
from training.next_product.groups import Group, first_seen, groups
from training.next_product.lists import LONGEST, ranked_lists
from training.next_product.probability import Probability, probability
from training.next_product.scores import Truth, means, scores

CUSTOMERS: Final = 20_000
"""Customers that are evaluated at most, drawn at random: more cost time and move nothing."""

DECIDING: Final = ("recall@10", "ndcg@10")
"""Figures that get intervals."""

K: Final = 10
"""How much of the lists counts for what is shown."""


@dataclass(frozen=True)
class GroupFigures:
    """One kind of customers or purchases."""

    group: Group
    customers: int
    """With such a purchase."""
    purchases: int
    recall: Mapping[str, Interval]
    """Recall at 10 by method."""
    ndcg: Mapping[str, Interval]
    gain: Interval
    """Our recall at 10 less the best baseline's, on the same customers."""


@dataclass(frozen=True)
class Without:
    """Our lists without one source of candidates."""

    source: str
    recall: Interval
    """Recall at 10 without it less with it, on the same customers."""
    ndcg: Interval
    coverage: float
    """Coverage at 10 without it."""


@dataclass(frozen=True)
class NextProductEvaluation:
    """Ranked products at the cutoff against what was bought."""

    cutoff: int
    horizon_days: int
    metrics: dict[str, float]
    """`<method>.<metric>`, with `customers`, `ours.candidate_recall`, of each baseline
    `ours_less_<figure>` with its interval's ends, and `without_<source>` as methods."""
    recall: dict[str, npt.NDArray[np.float64]]
    """Recall at 1, 2, … LONGEST by method."""
    importance: dict[str, float]
    """What each column contributes to our ranker, by name."""
    intervals: dict[str, Interval]
    """`<method>.<figure>`, and `less.<baseline>.<figure>` for ours less the baseline's."""
    groups: list[GroupFigures] = field(default_factory=list)
    ablation: list[Without] = field(default_factory=list)
    """Empty where it was not asked for."""
    probability: Probability | None = None
    """None where the model gives none, or it was not asked for."""

    @property
    def customers(self) -> int:
        """How many were evaluated."""
        return int(self.metrics["customers"])

    @property
    def baselines(self) -> list[str]:
        """Every method but ours."""
        return [name for name in self.recall if name != OURS]

    @property
    def best_baseline(self) -> str:
        """The one with the highest recall at 10."""
        return _best(self.metrics, self.baselines)


def evaluate_next_product(
    model: NextProductModel,
    timelines: Timelines,
    catalog: Catalog,
    cutoff: int,
    *,
    reference: Reference | None = None,
    thorough: bool = True,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> NextProductEvaluation:
    """The next-product model on customers who order in the horizon.

    All products are ranked. Known customers with an order before the cutoff count, `CUSTOMERS` at
    most.

    Arguments:
        model: trained on what happened before the cutoff.
        timelines: all customers, the evaluated period included.
        catalog: the numbering the timelines' products refer to; extends the model's.
        cutoff: int64 ms UTC.
        reference: population facts as of the training, extended to the catalogue; as of the
            cutoff when None.
        thorough: whether sources are left out one by one, and probabilities judged.
        seed: of who is drawn, and of resampling.
        progress: told what is ranked next.

    Raises:
        NotEnoughDataError: the horizon after the cutoff is not fully observed, or nobody is
            eligible.
    """
    horizon = model.horizon_days_
    observed(timelines, cutoff, horizon)
    now = np.array([cutoff], np.int64)
    period = next(periods(timelines, catalog, now, horizon, customers=CUSTOMERS, seed=seed))
    if not len(period.customers):
        raise NotEnoughDataError(
            f"no known customer ordered both before {iso(cutoff)} and in the "
            f"{horizon} days after it; choose another cutoff"
        )
    facts = period.reference if reference is None else reference
    people, told = period.customers, progress or _unwatched
    ranked = ranked_lists(model, timelines, people, cutoff, catalog, facts, told)
    lost: dict[str, Ranked] = {}
    if thorough:

        def rank(less: NextProductModel) -> Ranked:
            told("without one source")
            return less.rank(timelines, people, cutoff, LONGEST, catalog=catalog, reference=facts)

        lost = dict(without_each(model, rank))
    truth = Truth.of(period, timelines, catalog)
    kinds = groups(timelines, people, cutoff, truth, first_seen(timelines, catalog))
    metrics, intervals = _compared(
        ranked, lost, truth, kinds, _range(timelines, catalog, cutoff), seed
    )
    metrics["ours.candidate_recall"] = model.candidate_recall(timelines, period, catalog)
    said = probability(model, timelines, catalog, facts, period, seed) if thorough else None
    if said is not None:
        metrics |= {f"{OURS}.{name}": value for name, value in said.metrics.items()}
    return NextProductEvaluation(
        cutoff=cutoff,
        horizon_days=horizon,
        metrics=metrics,
        recall={
            method: recall_curve(hits(lists, truth.offsets, truth.products), truth.counts)
            for method, lists in ranked.items()
        },
        importance=model.ranker.importance(),
        intervals=intervals,
        groups=[_figures(kind, truth, list(ranked), intervals) for kind in kinds],
        ablation=[_without(source, intervals, metrics) for source in lost],
        probability=said,
    )


def _compared(
    ranked: Mapping[str, Ranked],
    lost: Mapping[str, Ranked],
    truth: Truth,
    kinds: list[Group],
    shelf: Range,
    seed: int,
) -> tuple[dict[str, float], dict[str, Interval]]:
    """All figures of the lists, those without a source too, and the intervals of what decides."""
    baselines = [name for name in ranked if name != OURS]
    metrics: dict[str, float] = {}
    columns: dict[str, Floats] = {}
    found = {method: scores(lists, truth) for method, lists in ranked.items()}
    for method, lists in ranked.items():
        figures = means(found[method]) | exposure(lists, shelf, K)
        metrics |= {f"{method}.{name}": value for name, value in figures.items()}
        columns |= {f"{method}.{name}": found[method][name] for name in DECIDING}
    metrics["bought_popularity"] = float(shelf.popularity[truth.products].mean())
    metrics["customers"] = float(len(truth))
    rival = _best(metrics, baselines)
    for name in DECIDING:
        for method in baselines:
            columns[f"less.{method}.{name}"] = found[OURS][name] - found[method][name]
    for source, lists in lost.items():
        poorer = scores(lists, truth)
        figures = {name: float(np.mean(poorer[name])) for name in DECIDING}
        figures |= exposure(lists, shelf, K)
        metrics |= {f"without_{source}.{name}": value for name, value in figures.items()}
        for name in DECIDING:
            columns[f"without.{source}.{name}"] = poorer[name] - found[OURS][name]
    for kind in kinds:
        columns |= _of_group(kind, truth, ranked, rival)
    intervals = mean_intervals(columns, seed=seed)
    for name in DECIDING:
        for method in baselines:
            each = intervals[f"less.{method}.{name}"]
            metrics[f"{method}.ours_less_{name}"] = each.value
            metrics[f"{method}.ours_less_{name}_low"] = each.low
            metrics[f"{method}.ours_less_{name}_high"] = each.high
        for kind in kinds:
            for method in ranked:
                value = intervals[f"{kind.key}.{method}.{name}"].value
                metrics[f"{method}.{kind.key}_{name}"] = value
    return metrics, intervals


def _range(timelines: Timelines, catalog: Catalog, at: int) -> Range:
    everyone = np.flatnonzero(timelines.allowing(PROFILING, at)).astype(np.int64)
    instants = np.full(len(everyone), at, np.int64)
    return Range.of(catalog, Histories.of(timelines, everyone, instants, catalog))


def _of_group(
    kind: Group, truth: Truth, ranked: Mapping[str, Ranked], rival: str
) -> dict[str, Floats]:
    """Figures of each customer who counts, by method, and ours less the rival's recall."""
    part, out = kind.truth(truth), {}
    for method, lists in ranked.items():
        figures = scores(lists, part)
        for name in DECIDING:
            out[f"{kind.key}.{method}.{name}"] = kind.only(figures[name])
    ours, theirs = (out[f"{kind.key}.{m}.recall@10"] for m in (OURS, rival))
    return out | {f"{kind.key}.less": ours - theirs}


def _figures(
    kind: Group, truth: Truth, methods: list[str], intervals: Mapping[str, Interval]
) -> GroupFigures:
    count = np.where(kind.customers, kind.truth(truth).counts, 0)
    recall, ndcg = (
        {method: intervals[f"{kind.key}.{method}.{name}"] for method in methods}
        for name in DECIDING
    )
    return GroupFigures(
        group=kind,
        customers=int((count > 0).sum()),
        purchases=int(count.sum()),
        recall=recall,
        ndcg=ndcg,
        gain=intervals[f"{kind.key}.less"],
    )


def _without(
    source: str, intervals: Mapping[str, Interval], metrics: Mapping[str, float]
) -> Without:
    recall, ndcg = (intervals[f"without.{source}.{name}"] for name in DECIDING)
    return Without(source, recall, ndcg, metrics[f"without_{source}.coverage@{K}"])


def _best(metrics: Mapping[str, float], methods: list[str]) -> str:
    return max(methods, key=lambda name: metrics[f"{name}.recall@10"])


def _unwatched(what: str) -> None:
    del what
