"""Estimates from lists whose true worth is known, since the shop they come from is made up."""

import numpy as np
import pytest

from features.errors import InputError, NotEnoughDataError
from training.counterfactual import Counterfactual, ShownLists, counterfactual

SHELVES, EACH, CUSTOMERS = 3, 6, 900


def clicks(rng: np.random.Generator) -> np.ndarray:  # type: ignore[type-arg]
    """P(click) of each customer on each product of each shelf."""
    liking = rng.normal(0, 1, (CUSTOMERS, SHELVES, EACH)) + rng.normal(0, 1, (SHELVES, EACH))
    return 1 / (1 + np.exp(2 - liking))


def shop(seed: int, chance: float = 0.7, favourite: int = 0) -> tuple[ShownLists, float, float]:
    """Lists of one product from each shelf, what the other lists would earn, and these on average.

    With probability `chance` a product is drawn from its shelf at random, else the shelf's first
    is shown. The other way shows each customer's best with the click probabilities known but for
    some noise; `favourite` shelves of it are as they were shown.
    """
    p = clicks(np.random.default_rng(99))
    rng = np.random.default_rng(seed)
    drawn = np.where(
        rng.random((CUSTOMERS, SHELVES)) < chance, rng.integers(EACH, size=(CUSTOMERS, SHELVES)), 0
    )
    best = np.argmax(p + np.random.default_rng(5).normal(0, 0.05, p.shape), axis=2)
    best[:, :favourite] = 0
    who, shelf = np.indices((CUSTOMERS, SHELVES))
    propensity = np.where(drawn == 0, 1 - chance + chance / EACH, chance / EACH)
    reward = rng.random((CUSTOMERS, SHELVES)) < p[who, shelf, drawn]
    lists = np.repeat(np.arange(CUSTOMERS), SHELVES)
    told = ShownLists(
        customer=np.arange(CUSTOMERS),
        listed=lists,
        product=(shelf * EACH + drawn).ravel(),
        propensity=propensity.ravel(),
        reward=reward.ravel().astype(np.float64),
        other_listed=lists,
        other_product=(shelf * EACH + best).ravel(),
        other_probability=np.ones(len(lists)),
    )
    logged = (1 - chance) * p[:, :, 0] + chance * p.mean(axis=2)
    return told, float(p[who, shelf, best].sum(axis=1).mean()), float(logged.sum(axis=1).mean())


def test_estimates_hold_the_truth_in_their_intervals() -> None:
    told, truth, logged = shop(1)
    found = counterfactual(told)
    for each in (found.ips, found.snips, found.dr):
        assert each.low < truth < each.high
    assert found.logged.low < logged < found.logged.high
    assert found.gain.low > 0  # knowing what they like is better than chance
    assert found.support == pytest.approx(1, abs=0.1)
    assert found.dr.high - found.dr.low < found.ips.high - found.ips.low


def test_ips_is_right_on_average_and_clipping_takes_away() -> None:
    truth = shop(0)[1]
    seeds = range(60)
    ips = np.array([estimate(seed).ips.value for seed in seeds])
    dr = np.array([estimate(seed).dr.value for seed in seeds])
    for values in (ips, dr):
        assert abs(values.mean() - truth) < 3 * values.std(ddof=1) / np.sqrt(len(seeds))
    assert dr.std() < ips.std()
    clipped = np.array([estimate(seed, clip=2.0).ips.value for seed in range(5)])
    assert clipped.mean() < 0.6 * truth


def estimate(seed: int, clip: float = 100.0) -> Counterfactual:
    return counterfactual(shop(seed)[0], clip=clip, resamples=1)


def test_the_logged_way_is_worth_what_it_earned() -> None:
    told, _, _ = shop(3)
    every = np.tile(np.arange(SHELVES * EACH), CUSTOMERS)
    first = every % EACH == 0
    same = ShownLists(
        **{
            **vars(told),
            "other_listed": np.repeat(np.arange(CUSTOMERS), SHELVES * EACH),
            "other_product": every,
            "other_probability": np.where(first, 0.3 + 0.7 / EACH, 0.7 / EACH),
        }
    )
    found = counterfactual(same)
    assert found.ips.value == pytest.approx(found.logged.value)
    assert found.gain.value == pytest.approx(0, abs=0.02)
    assert found.support == pytest.approx(1)


def test_lists_that_were_never_left_to_chance_say_what_to_do() -> None:
    told, _, _ = shop(2, chance=0.0)
    with pytest.raises(NotEnoughDataError, match=r"worth .* equally weighted .* leave more to"):
        counterfactual(ShownLists(**{**vars(told), "other_product": told.other_product + 100}))


def test_what_could_not_have_been_shown_is_told_of() -> None:
    found = counterfactual(shop(2, chance=0.0, favourite=2)[0])
    assert found.support == pytest.approx((2 + 1 / EACH) / 3, abs=0.1)
    assert found.ips.value < found.snips.value


def test_impossible_propensities_and_no_lists_are_refused() -> None:
    told, _, _ = shop(1)
    with pytest.raises(InputError, match=r"propensity that is not in \(0, 1\], the first 0"):
        counterfactual(ShownLists(**{**vars(told), "propensity": told.propensity * 0}))
    with pytest.raises(InputError, match=r"clip = 0: must be above 0"):
        counterfactual(told, clip=0)
    nothing = np.empty(0, np.int64)
    empty = ShownLists(
        nothing, nothing, nothing, nothing.astype(float), nothing.astype(float), nothing, nothing,
        nothing.astype(float),
    )  # fmt: skip
    with pytest.raises(NotEnoughDataError, match="collect impressions first"):
        counterfactual(empty)
