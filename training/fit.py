"""From timelines and a recipe to trained models."""

from typing import Protocol

import numpy as np

from features.catalog import Catalog
from features.definitions import FEATURES
from features.errors import NotEnoughDataError
from features.instants import DAY_MS, iso
from features.reference import Reference
from features.timeline import Timelines
from models.churn import ChurnModel, Fits
from models.next_product import (
    Als,
    Arrivals,
    Bestsellers,
    Content,
    Later,
    Neighbours,
    NextProductModel,
    Popular,
    Ranker,
    Regional,
    Repeat,
    Session,
    Similar,
    Together,
    Viewed,
)
from models.personas import TRAITS, Personas
from models.value import ValueModel
from training.dataset import ChurnRows, Orders, churn_rows, named_features, periods, value_labels
from training.past import PastRows
from training.recipe import ChurnRecipe, NextProductRecipe, PersonasRecipe, ValueRecipe
from training.split import learning_plan, training_instants


class Progress(Protocol):
    """What a progress bar is told: the stage's name, steps done so far, and steps in all."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Called after each step."""


def train_churn(
    timelines: Timelines,
    catalog: Catalog,
    recipe: ChurnRecipe,
    cutoff: int,
    seed: int = 0,
    *,
    threads: int = 2,
    progress: Progress | None = None,
    past: PastRows | None = None,
) -> ChurnModel:
    """A churn model from what happened before the cutoff.

    Arguments:
        timelines: all customers.
        catalog: the numbering the timelines' products refer to.
        recipe: settings.
        cutoff: int64 ms UTC; labels included, nothing from it on is used.
        seed: of all random choices.
        threads: of the kernel and of LightGBM.
        progress: told of every instant, then of the fit.
        past: rows of these timelines and this seed, to be used again by other trainings.

    Raises:
        NotEnoughDataError: the history is too short, or nobody left or nobody stayed.
    """
    plan = learning_plan(first_event(timelines), cutoff, recipe)
    done = _Counter(progress, {"churn rows": len(plan.at), "churn fit": 1})
    # not kept where nobody else needs them
    rows = (past or PastRows(timelines, catalog, recipe.horizon_days, seed, threads)).at(
        plan.at,
        plan.days,
        known_by=cutoff,
        customers=recipe.customers_per_instant,
        progress=lambda steps: done("churn rows", steps),
    )
    model = fit_churn(rows, recipe, seed, threads=threads)
    done("churn fit", 1)
    return model


def fit_churn(
    rows: ChurnRows,
    recipe: ChurnRecipe,
    seed: int = 0,
    *,
    threads: int = 2,
    fits: Fits | None = None,
) -> ChurnModel:
    """A churn model from rows with all features; see `train_churn`, for `fits` `ChurnModel.fit`."""
    model = ChurnModel(
        trees=recipe.trees,
        leaves=recipe.leaves,
        learning_rate=recipe.learning_rate,
        min_rows=recipe.min_rows,
        column_share=recipe.column_share,
        row_share=recipe.row_share,
        half_life_days=recipe.half_life_days,
        economics=recipe.economics.declared(),
        seed=seed,
        threads=threads,
    )
    names = [feature.name for feature in FEATURES]
    return model.fit(
        rows.X, rows.y, rows.at, names, recipe.horizon_days, rows.days, rows.customer, fits
    )


def train_value(
    timelines: Timelines,
    catalog: Catalog,
    recipe: ValueRecipe,
    cutoff: int,
    seed: int = 0,
    *,
    threads: int = 2,
    progress: Progress | None = None,
) -> ValueModel:
    """A value model from what happened before the cutoff; arguments as `train_churn`.

    Where the history does not hold a horizon and a time as long to look back on, or
    `min_history_days`, outcomes of a third of it are learnt from: two thirds to look back on, one
    to look ahead. Instants then lie closer, a sixth of these days apart, or there would be few.

    Raises:
        NotEnoughDataError: too few customers ordered before the cutoff, or nobody came back.
    """
    first = first_event(timelines)
    days, step = label_days(first, cutoff, recipe), recipe.step_days
    if days < recipe.horizon_days:
        step = min(step, max(1, days // 6))
    instants = training_instants(
        first,
        cutoff,
        horizon_days=days,
        number=recipe.instants,
        step_days=step,
        min_history_days=recipe.min_history_days,
    )
    done = _Counter(progress, {"value rows": len(instants) + 1, "value fit": 1})
    rows = churn_rows(
        timelines,
        catalog,
        np.append(instants, cutoff),
        days,
        known_by=cutoff,
        customers=recipe.customers_per_instant,
        seed=seed,
        threads=threads,
        progress=lambda steps: done("value rows", steps),
    )
    orders, spend = value_labels(Orders.of(timelines), rows, days, cutoff)
    past, latest = rows.at < cutoff, rows.at == cutoff
    model = ValueModel(
        trees=recipe.trees,
        leaves=recipe.leaves,
        learning_rate=recipe.learning_rate,
        min_rows=recipe.min_rows,
        column_share=recipe.column_share,
        seed=seed,
        threads=threads,
    )
    model.fit(
        rows.X[past],
        orders[past],
        spend[past],
        rows.at[past],
        [feature.name for feature in FEATURES],
        recipe.horizon_days,
        label_days=days,
        latest=rows.X[latest],
        latest_at=cutoff,
        customers=rows.customer[past],
    )
    done("value fit", 1)
    return model


def label_days(first: int, cutoff: int, recipe: ValueRecipe) -> int:
    """Days whose outcomes the value model learns from: the horizon, where there is time for it."""
    history = (cutoff - first) // DAY_MS
    before = min(recipe.min_history_days, recipe.horizon_days)
    if history >= recipe.horizon_days + before:
        return recipe.horizon_days
    return max(1, min(recipe.horizon_days, int(history) // 3))


def train_next_product(
    timelines: Timelines,
    catalog: Catalog,
    recipe: NextProductRecipe,
    cutoff: int,
    seed: int = 0,
    *,
    threads: int = 2,
    progress: Progress | None = None,
) -> NextProductModel:
    """A next-product model from what happened before the cutoff; arguments as `train_churn`.

    With too little history for a single past period the ranker is left out and the
    generators' lists are merged.

    Raises:
        NotEnoughDataError: nobody bought anything before the cutoff.
    """
    try:
        instants = training_instants(
            first_event(timelines),
            cutoff,
            horizon_days=recipe.horizon_days,
            number=recipe.periods,
            step_days=recipe.step_days,
            min_history_days=recipe.min_history_days,
        )
    except NotEnoughDataError:
        instants = np.empty(0, np.int64)
    done = _Counter(
        progress, {"rank candidates": len(instants), "fit generators": 1, "fit ranker": 1}
    )
    model = NextProductModel(
        [
            Repeat(recipe.horizon_days),
            Session(seed=seed),
            Together(recipe.together),
            Later(recipe.together, recipe.later_days),
            Viewed(recipe.together),
            Neighbours(recipe.neighbours, recipe.neighbours_weighting, threads=threads),
            Similar(recipe.similar_customers),
            Als(
                recipe.als_factors,
                recipe.als_regularization,
                recipe.als_alpha,
                recipe.als_iterations,
                seed=seed,
                threads=threads,
            ),
            Content(recipe.content, threads=threads),
            Arrivals(recipe.arrivals_days),
            Bestsellers(recipe.popular_half_life_days),
            Regional(recipe.popular_half_life_days),
            Popular(recipe.popular_half_life_days),
        ],
        candidates=recipe.candidates,
        ranker=Ranker(
            trees=recipe.trees,
            leaves=recipe.leaves,
            learning_rate=recipe.learning_rate,
            min_rows=recipe.min_rows,
            seed=seed,
            threads=threads,
        ),
        negatives_share=recipe.negatives_share,
        seed=seed,
        threads=threads,
    )
    past = periods(
        timelines,
        catalog,
        instants,
        recipe.horizon_days,
        customers=recipe.customers_per_period,
        known_by=cutoff,
        seed=seed,
    )
    return model.fit(timelines, catalog, past, cutoff, recipe.horizon_days, progress=done)


def train_personas(
    timelines: Timelines,
    catalog: Catalog,
    recipe: PersonasRecipe,
    cutoff: int,
    seed: int = 0,
    *,
    previous: Personas | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Personas:
    """Personas of the customers with an order before the cutoff; arguments as `train_churn`.

    With `previous`, the last personas, these are found again.

    Raises:
        NotEnoughDataError: nobody is eligible.
    """
    done = _Counter(progress, {"personas": 1})
    done("personas", 0)
    customers = Orders.of(timelines).eligible(cutoff)
    if not len(customers):
        raise NotEnoughDataError(
            f"no known customer has an order before {iso(cutoff)} and allows to be profiled; "
            "import more history, or leave personas out of the recipe"
        )
    if len(customers) > recipe.customers:
        draw = np.random.default_rng([seed, cutoff]).choice(
            len(customers), recipe.customers, replace=False
        )
        customers = customers[np.sort(draw)]
    names = tuple(trait.feature for trait in TRAITS)
    reference = Reference.as_of(timelines, catalog, cutoff)
    values = named_features(
        timelines, customers, cutoff, catalog, reference, names, threads=threads
    )
    model = Personas(most=recipe.most, halvings=recipe.halvings, seed=seed)
    model.fit(values, names, previous=previous)
    done("personas", 1)
    return model


class _Counter:
    """Adds steps up per stage, for a progress bar that wants to know how far it is."""

    def __init__(self, progress: Progress | None, totals: dict[str, int]) -> None:
        self._progress = progress
        self._totals = totals
        self._done = dict.fromkeys(totals, 0)

    def __call__(self, stage: str, steps: int) -> None:
        self._done[stage] += steps
        if self._progress is not None:
            self._progress(stage, self._done[stage], self._totals[stage])


def first_event(timelines: Timelines) -> int:
    """The instant of the first event.

    Raises:
        NotEnoughDataError: there is none.
    """
    if not len(timelines.rows):
        raise NotEnoughDataError(
            "there are no events to learn from; run `python -m training import`"
        )
    return int(timelines.rows.at.min())
