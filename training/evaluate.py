"""How good a bundle is, on a period after its training, beside the baselines."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.consents import PROFILING
from features.errors import NotEnoughDataError
from features.instants import DAY_MS, iso
from features.timeline import Timelines
from models.bundle import Bundle
from models.churn import ChurnModel
from models.declared import features_named
from models.next_product import Als, Neighbours
from models.next_product.history import Histories
from models.value import ValueModel
from training.baselines import (
    alone,
    churn_baselines,
    personal,
    purchase_model,
    top_overall,
    value_baselines,
)
from training.dataset import ChurnRows, Orders, churn_rows, periods, value_labels
from training.metrics import (
    churn_metrics,
    gain_curve,
    hits,
    ranking_metrics,
    recall_curve,
    reliability,
    value_metrics,
)
from training.recipe import ChurnRecipe
from training.split import Plan, learning_plan

LONGEST = 20
"""Length of the lists that are evaluated."""

OURS = "ours"


@dataclass(frozen=True)
class ChurnEvaluation:
    """Churn probabilities at the cutoff against what happened."""

    metrics: dict[str, float]
    """`<method>.<metric>`, with `customers`."""
    left: npt.NDArray[np.bool_]
    """True where no order followed, shape (customers,)."""
    predicted: dict[str, npt.NDArray[np.float64]]
    """P(no order) by method; ours and the baselines."""
    importance: dict[str, float]
    """What each feature contributes to our model, by name."""
    low: npt.NDArray[np.float64] | None = None
    """Lower ends of our probabilities' intervals, where the model gives them."""
    high: npt.NDArray[np.float64] | None = None
    band: npt.NDArray[np.int64] | None = None
    """Place of each customer's band in `bands`, where the model has bands."""
    bands: tuple[str, ...] = ()
    """Names of the model's bands, lowest risk first."""

    def reliability(
        self, method: str = OURS
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Mean prediction, observed rate and count of ten bins of equal counts."""
        return reliability(self.left, self.predicted[method])

    def gain(self, method: str = OURS) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Share of customers approached, and share of the leavers reached."""
        return gain_curve(self.left, self.predicted[method])


@dataclass(frozen=True)
class ValueEvaluation:
    """Expected orders and spend at the cutoff against what came."""

    metrics: dict[str, float]
    """`<method>.<metric>`, with `customers`."""
    orders: npt.NDArray[np.float64]
    """Days with an order, shape (customers,)."""
    spend: npt.NDArray[np.float64]
    """NaN where nothing is known of money."""
    predicted: dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]
    """Expected orders and spend by method; ours and the baselines."""
    importance: dict[str, float]
    """What each column contributes to our trees, by name; zeros where none are used."""


@dataclass(frozen=True)
class NextProductEvaluation:
    """Ranked products at the cutoff against what was bought."""

    metrics: dict[str, float]
    """`<method>.<metric>`, with `customers` and `ours.candidate_recall`."""
    recall: dict[str, npt.NDArray[np.float64]]
    """Recall at 1, 2, … LONGEST by method."""
    importance: dict[str, float]
    """What each column contributes to our ranker, by name."""


@dataclass(frozen=True)
class Evaluation:
    """Of all models, as far as the bundle has them."""

    cutoff: int
    churn: ChurnEvaluation | None
    next_product: NextProductEvaluation | None
    value: ValueEvaluation | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """All figures, `<model>.<method>.<metric>`, models churn, value and next_product."""
        parts: dict[str, Mapping[str, float]] = {
            "churn": self.churn.metrics if self.churn else {},
            "value": self.value.metrics if self.value else {},
            "next_product": self.next_product.metrics if self.next_product else {},
        }
        return {
            f"{model}.{name}": value
            for model, metrics in parts.items()
            for name, value in metrics.items()
        }


def evaluate(
    bundle: Bundle,
    timelines: Timelines,
    catalog: Catalog,
    cutoff: int,
    *,
    churn_recipe: ChurnRecipe | None = None,
    threads: int = 2,
) -> Evaluation:
    """All models of a bundle on what followed a cutoff; horizons are the models' own.

    Arguments:
        bundle: trained on what happened before the cutoff.
        timelines: all customers, the evaluated period included.
        catalog: the numbering the timelines' products refer to; extends the bundle's.
        cutoff: int64 ms UTC.
        churn_recipe: which past instants the churn baselines learn from, as ours did.
        threads: of the feature kernel.

    Raises:
        NotEnoughDataError: the horizon after the cutoff is not fully observed, or nobody is
            eligible.
    """
    return Evaluation(
        cutoff=cutoff,
        churn=(
            evaluate_churn(bundle, timelines, catalog, cutoff, churn_recipe, threads)
            if bundle.churn
            else None
        ),
        next_product=(
            evaluate_next_product(bundle, timelines, catalog, cutoff)
            if bundle.next_product
            else None
        ),
        value=(
            evaluate_value(bundle, timelines, catalog, cutoff, threads) if bundle.value else None
        ),
    )


def evaluate_churn(
    bundle: Bundle,
    timelines: Timelines,
    catalog: Catalog,
    cutoff: int,
    recipe: ChurnRecipe | None = None,
    threads: int = 2,
) -> ChurnEvaluation:
    """The churn model on all customers with an order before the cutoff; see `evaluate`."""
    if bundle.churn is None:
        raise NotEnoughDataError("this bundle has no churn model; train one")
    model, asked = bundle.churn, recipe or ChurnRecipe()
    horizon = model.horizon_days_
    rows = _rows(bundle, model, timelines, catalog, cutoff, threads)
    plan = learning_plan(
        int(timelines.rows.at.min()), cutoff, asked.model_copy(update={"horizon_days": horizon})
    )
    return churn_evaluation(model, rows, Orders.of(timelines), plan, cutoff)


def churn_evaluation(
    model: ChurnModel,
    rows: ChurnRows,
    orders: Orders,
    plan: Plan,
    cutoff: int,
) -> ChurnEvaluation:
    """A model on the rows of all eligible customers at a cutoff.

    Arguments:
        model: trained on what happened before the cutoff.
        rows: with the model's features and the labels that followed.
        orders: of all customers.
        plan: what the baselines learn from, as ours did; where the history is too short for the
            horizon they tell of a shorter one.
        cutoff: int64 ms UTC.
    """
    horizon = model.horizon_days_
    ours = model.estimate(rows.X, cutoff)
    predicted = {OURS: ours.probability}
    predicted |= churn_baselines(orders, plan.whole, cutoff, plan.longest)
    predicted |= purchase_model(rows.X, model.feature_names_, horizon)
    metrics = {
        f"{method}.{name}": value
        for method, probabilities in predicted.items()
        for name, value in churn_metrics(rows.y, probabilities).items()
    }
    metrics["customers"] = float(len(rows.y))
    return ChurnEvaluation(
        metrics,
        rows.y,
        predicted,
        model.importance(),
        ours.low,
        ours.high,
        model.bands_.of(predicted[OURS]),
        model.bands_.names,
    )


def evaluate_value(
    bundle: Bundle, timelines: Timelines, catalog: Catalog, cutoff: int, threads: int = 2
) -> ValueEvaluation:
    """The value model on all customers with an order before the cutoff; see `evaluate`."""
    if bundle.value is None:
        raise NotEnoughDataError("this bundle has no value model; train one")
    model = bundle.value
    horizon = model.horizon_days_
    rows = _rows(bundle, model, timelines, catalog, cutoff, threads)
    everyones = Orders.of(timelines)
    orders, spend = value_labels(everyones, rows, horizon)
    told = model.predict(rows.X, cutoff)
    predicted = {OURS: (told.orders, told.spend)}
    predicted |= value_baselines(everyones, rows.customer, cutoff, horizon)
    metrics = {
        f"{method}.{name}": figure
        for method, (expected, spent) in predicted.items()
        for name, figure in value_metrics(orders, expected, spend, spent).items()
    }
    metrics["customers"] = float(len(orders))
    return ValueEvaluation(metrics, orders, spend, predicted, model.importance())


def evaluate_next_product(
    bundle: Bundle, timelines: Timelines, catalog: Catalog, cutoff: int
) -> NextProductEvaluation:
    """The next-product model on customers who order in the horizon; see `evaluate`.

    All products are ranked; known customers with an order before the cutoff count.
    """
    if bundle.next_product is None:
        raise NotEnoughDataError("this bundle has no next-product model; train one")
    model = bundle.next_product
    observed(timelines, cutoff, model.horizon_days_)
    now = np.array([cutoff], np.int64)
    period = next(periods(timelines, catalog, now, model.horizon_days_))
    if not len(period.customers):
        raise NotEnoughDataError(
            f"no known customer ordered both before {iso(cutoff)} and in the "
            f"{model.horizon_days_} days after it; choose another cutoff"
        )
    ranked = {
        OURS: model.rank(
            timelines,
            period.customers,
            cutoff,
            LONGEST,
            catalog=catalog,
            reference=bundle.reference.extended(catalog),
        )
    }
    ranked |= _ranked_by_baselines(bundle, timelines, period.customers, catalog, cutoff)
    bought = np.diff(period.offsets)
    metrics: dict[str, float] = {}
    recall: dict[str, npt.NDArray[np.float64]] = {}
    for method, products in ranked.items():
        hit = hits(products, period.offsets, period.products)
        recall[method] = recall_curve(hit, bought)
        for name, value in ranking_metrics(hit, bought).items():
            metrics[f"{method}.{name}"] = value
        shown = np.unique(products[:, :10])
        metrics[f"{method}.coverage@10"] = float((shown >= 0).sum()) / len(
            np.unique(catalog.parent)
        )
    metrics["ours.candidate_recall"] = model.candidate_recall(timelines, period, catalog)
    metrics["customers"] = float(len(bought))
    return NextProductEvaluation(metrics, recall, model.ranker.importance())


def _ranked_by_baselines(
    bundle: Bundle,
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    catalog: Catalog,
    cutoff: int,
) -> dict[str, npt.NDArray[np.int32]]:
    everyone = np.flatnonzero(timelines.allowing(PROFILING, cutoff)).astype(np.int64)
    everything = Histories.of(
        timelines, everyone, np.full(len(everyone), cutoff, np.int64), catalog
    )
    mine = Histories.of(timelines, customers, np.full(len(customers), cutoff, np.int64), catalog)
    # longer than the lists, since one's own products are taken out of it
    top = top_overall(everything, 2 * LONGEST)
    nothing = np.empty(0, np.int32)
    out = {
        "g_topfreq": np.tile(_padded(top[:LONGEST]), (len(mine), 1)),
        "p_topfreq": personal(mine, LONGEST, nothing),
        "gp_topfreq": personal(mine, LONGEST, top),
    }
    for generator in bundle.next_product.generators if bundle.next_product else ():
        if isinstance(generator, Als | Neighbours):
            out[generator.name] = alone(generator, mine, LONGEST)
    return out


def _padded(products: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    out = np.full(LONGEST, -1, np.int32)
    out[: len(products)] = products
    return out


def _rows(
    bundle: Bundle,
    model: ChurnModel | ValueModel,
    timelines: Timelines,
    catalog: Catalog,
    cutoff: int,
    threads: int,
) -> ChurnRows:
    """All eligible customers at a cutoff whose horizon is over, with the model's features."""
    observed(timelines, cutoff, model.horizon_days_)
    return churn_rows(
        timelines,
        catalog,
        np.array([cutoff], np.int64),
        model.horizon_days_,
        features=features_named(model.feature_names_),
        reference=bundle.reference.extended(catalog),
        threads=threads,
    )


def observed(timelines: Timelines, cutoff: int, horizon_days: int) -> None:
    """Check that the horizon after a cutoff is over.

    Raises:
        NotEnoughDataError: it is not.
    """
    last = int(timelines.rows.at.max()) if len(timelines.rows) else 0
    end = cutoff + horizon_days * DAY_MS
    if last // DAY_MS < (end - 1) // DAY_MS:  # a log by the day has its events at midnight
        raise NotEnoughDataError(
            f"the last event is of {iso(last)}; {horizon_days} days after the cutoff "
            f"{iso(cutoff)} end {iso(end)}: choose a cutoff no later than "
            f"{iso(last - horizon_days * DAY_MS)}"
        )
