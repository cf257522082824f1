"""How good a bundle is, on a period after its training, beside the baselines."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.errors import NotEnoughDataError
from features.timeline import Timelines
from models.bundle import Bundle
from models.churn import ChurnModel
from models.declared import features_named
from models.value import ValueModel
from training.baselines import churn_baselines, purchase_model, value_baselines
from training.dataset import ChurnRows, Orders, churn_rows, observed, value_labels
from training.metrics import OURS, churn_metrics, gain_curve, reliability, value_metrics
from training.next_product import NextProductEvaluation, evaluate_next_product
from training.recipe import ChurnRecipe
from training.split import Plan, learning_plan


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
    thorough: bool = True,
    threads: int = 2,
) -> Evaluation:
    """All models of a bundle on what followed a cutoff; horizons are the models' own.

    Arguments:
        bundle: trained on what happened before the cutoff.
        timelines: all customers, the evaluated period included.
        catalog: the numbering the timelines' products refer to; extends the bundle's.
        cutoff: int64 ms UTC.
        churn_recipe: which past instants the churn baselines learn from, as ours did.
        thorough: whether sources of next products are left out one by one, and their
            probabilities judged.
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
            evaluate_next_product(
                bundle.next_product,
                timelines,
                catalog,
                cutoff,
                reference=bundle.reference.extended(catalog),
                thorough=thorough,
            )
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
