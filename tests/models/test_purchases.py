"""The probability models against their own worlds, simulated customer by customer."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln

from features.errors import InputError, NotEnoughDataError
from models.purchases import PURCHASE_MODELS, BgNbd, Counts, GammaGamma, MbgNbd, Nbd, ParetoNbd

PARAMETERS = {
    "bg_nbd": (0.243, 4.414, 0.793, 2.426),
    "mbg_nbd": (0.525, 6.183, 0.891, 1.614),
    "pareto_nbd": (0.553, 10.58, 0.606, 11.67),
}
"""As published for CDNOW: Fader and Hardie (2005); MBG/NBD's as the BTYDplus documentation has."""

WEEKS, AHEAD = 39.0, 26.0


def world(name: str, n: int, seed: int = 0) -> tuple[Counts, np.ndarray]:
    """Customers as the model tells of them, watched for WEEKS, and their next orders."""
    drawn = np.random.default_rng(seed)
    first, second, third, fourth = PARAMETERS[name]
    rate = drawn.gamma(first, 1 / second, n)
    frequency, recency, following = (np.zeros(n) for _ in range(3))
    chance = drawn.beta(third, fourth, n) if name != "pareto_nbd" else None
    death = drawn.exponential(1 / drawn.gamma(third, 1 / fourth, n)) if chance is None else None
    for i in range(n):
        now = 0.0
        ended = death[i] if death is not None else np.inf
        if chance is not None and name == "mbg_nbd" and drawn.random() < chance[i]:
            continue
        while True:
            now += drawn.exponential(1 / rate[i])
            if now > min(ended, WEEKS + AHEAD):
                break
            if now <= WEEKS:
                frequency[i], recency[i] = frequency[i] + 1, now
            else:
                following[i] += 1
            if chance is not None and drawn.random() < chance[i]:
                break
    return Counts(frequency, recency, np.full(n, WEEKS)), following


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_what_is_told_of_the_future_is_what_happens_in_the_models_world(name: str) -> None:
    counts, following = world(name, 60_000)
    model = PURCHASE_MODELS[name](PARAMETERS[name])
    silence, orders = model.no_order(counts, AHEAD), model.orders(counts, AHEAD)
    assert silence.mean() == pytest.approx((following == 0).mean(), abs=0.006)
    assert orders.mean() == pytest.approx(following.mean(), rel=0.03)
    for low, high in ((0, 0), (1, 1), (2, 4), (5, 99)):
        group = (counts.frequency >= low) & (counts.frequency <= high)
        group &= (counts.recency > WEEKS / 2) if low else group
        assert silence[group].mean() == pytest.approx((following[group] == 0).mean(), abs=0.03)


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_the_parameters_of_a_world_are_found_again(name: str) -> None:
    counts, _ = world(name, 20_000, seed=1)
    kind = PURCHASE_MODELS[name]
    found, true = kind().fit(counts), kind(PARAMETERS[name])
    assert found.log_likelihood(counts).mean() >= true.log_likelihood(counts).mean()
    np.testing.assert_allclose(
        found.orders(counts, 26), true.orders(counts, 26), rtol=0.05, atol=0.1
    )
    np.testing.assert_allclose(found.parameters_[:2], PARAMETERS[name][:2], rtol=0.15)


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_the_likelihood_of_all_outcomes_is_one(name: str) -> None:
    """No repeat purchase is an outcome of its own: its share is what the likelihood says."""
    counts, _ = world(name, 60_000, seed=2)
    none = Counts(np.zeros(1), np.zeros(1), np.full(1, WEEKS))
    told = np.exp(PURCHASE_MODELS[name](PARAMETERS[name]).log_likelihood(none))[0]
    assert told == pytest.approx((counts.frequency == 0).mean(), abs=0.006)


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_silence_grows_with_recency_and_shrinks_with_time_ahead(name: str) -> None:
    model = PURCHASE_MODELS[name](PARAMETERS[name])
    counts = Counts(np.full(3, 4.0), np.array([38.0, 20.0, 8.0]), np.full(3, WEEKS))
    assert (np.diff(model.alive(counts)) < 0).all()
    assert (np.diff(model.no_order(counts, 13)) > 0).all()
    assert (model.no_order(counts, 52) < model.no_order(counts, 13)).all()


@pytest.mark.parametrize("parameters", [(0.42, 6.4, 8_741, 162_000), (900, 60_000, 0.5, 3)])
def test_pareto_nbd_is_right_where_its_series_overflows(parameters: tuple[float, ...]) -> None:
    """α and β far apart: there the fit of a young shop found a likelihood above 1."""
    r, alpha, s, beta = parameters
    model = ParetoNbd(parameters)
    for x, last, age in ((0.0, 0.0, 8.0), (3.0, 6.0, 9.0)):

        def leaves(
            t: float,
            buys: float = r + x,
            rate: float = alpha + age,
            gone: float = beta + age,
        ) -> float:
            """Leaving at a moment, against having stayed until now."""
            return float(s / (beta + t) * (rate / (alpha + t)) ** buys * (gone / (beta + t)) ** s)

        left, _ = quad(leaves, last, age, epsabs=0)
        stayed = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        stayed -= (r + x) * np.log(alpha + age) + s * np.log(beta + age)
        told = model.log_likelihood(Counts(*(np.full(1, each) for each in (x, last, age))))
        assert told[0] == pytest.approx(stayed + np.log1p(left), rel=1e-8)


def test_one_time_buyers_are_always_alive_in_bg_nbd_only() -> None:
    once = Counts(np.zeros(1), np.zeros(1), np.full(1, 200.0))
    assert BgNbd(PARAMETERS["bg_nbd"]).alive(once)[0] == 1.0
    assert BgNbd(PARAMETERS["bg_nbd"]).no_order(once, 13)[0] > 0.9
    for kind, name in ((MbgNbd, "mbg_nbd"), (ParetoNbd, "pareto_nbd")):
        assert kind(PARAMETERS[name]).alive(once)[0] < 0.5


def test_days_counted_by_features_are_those_of_the_orders() -> None:
    names = (
        "cadence_order_days_since_last",
        "cadence_order_days_since_first",
        "cadence_order_gap_mean_life",
    )
    table = np.array([[14, 84, 35], [20, 20, np.nan], [np.nan] * 3], np.float32)
    counts = Counts.of_features(table, names)
    assert counts is not None
    assert counts.frequency.tolist() == [2, 0, 0]
    assert counts.recency.tolist() == [10, 0, 0]
    assert counts.age[:2].tolist() == [12, pytest.approx(20 / 7)]
    assert Counts.of_features(table, ("a", "b", "c")) is None


def test_too_little_to_learn_from_says_so() -> None:
    once = Counts(np.zeros(50), np.zeros(50), np.full(50, 9.0))
    with pytest.raises(NotEnoughDataError, match="on a second day"):
        MbgNbd().fit(once)
    with pytest.raises(NotEnoughDataError, match="3 customers are too few"):
        MbgNbd().fit(Counts(np.ones(3), np.ones(3), np.full(3, 9.0)))
    with pytest.raises(InputError, match="not fitted"):
        MbgNbd().alive(once)
    with pytest.raises(InputError, match="weeks = 0"):
        MbgNbd(PARAMETERS["mbg_nbd"]).no_order(once, 0)
    with pytest.raises(InputError, match="customer 1 has frequency 1, recency 9 and age 5"):
        Counts(np.ones(2), np.array([1.0, 9.0]), np.array([5.0, 5.0]))


def test_a_customer_with_hundreds_of_purchases_has_a_likelihood() -> None:
    """The difference of two hypergeometric functions had no digits left there."""
    counts = Counts(np.array([250.0, 3.0]), np.array([90.0, 50.0]), np.array([92.0, 92.0]))
    for parameters in ((0.553, 10.58, 0.606, 11.67), (0.9, 5.0, 2.0, 100_000.0)):
        told = ParetoNbd(parameters)
        assert (told.log_likelihood(counts) < 250).all()
        assert (told.alive(counts) > 0.5).tolist() == [True, parameters[3] > 100]


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_customers_who_are_all_alike_have_expectations_too(name: str) -> None:
    """Their rates have no spread, which made the fitted r, and what came of it, overflow."""
    drawn = np.random.default_rng(4)
    age = drawn.uniform(20, 40, 300)
    steady = drawn.random(300) < 0.5
    frequency = np.floor(age / 3)
    frequency = np.where(steady, frequency, np.minimum(frequency, 3))
    counts = Counts(frequency, 3 * frequency, age)
    told = PURCHASE_MODELS[name]().fit(counts).orders(counts, 6.0)
    assert np.isfinite(told).all()
    assert told[steady].mean() == pytest.approx(2, abs=0.5)
    assert told[~steady].mean() < 0.5


def test_without_leaving_the_shrunk_frequency_is_what_is_expected() -> None:
    counts, following = world("pareto_nbd", 5_000, seed=3)
    told = Nbd().fit(counts)
    r, alpha = told.parameters_
    np.testing.assert_allclose(told.orders(counts, 26), (r + counts.frequency) / (alpha + 39) * 26)
    assert (told.alive(counts) == 1).all()
    assert told.orders(counts, 26).mean() > following.mean()  # it knows of nobody's leaving


def spenders(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """How many orders, and their mean value, in a Gamma-Gamma world."""
    drawn = np.random.default_rng(seed)
    p, q, gamma = SPEND
    x = drawn.integers(1, 8, n).astype(float)
    return x, drawn.gamma(p * x, 1 / (x * drawn.gamma(q, 1 / gamma, n)))


SPEND = (6.25, 3.74, 15.44)
"""As published for the CDNOW sample: Fader and Hardie (2013)."""


def test_the_value_of_orders_is_found_again() -> None:
    x, m = spenders(40_000)
    found = GammaGamma().fit(x, m)
    np.testing.assert_allclose(found.parameters_, SPEND, rtol=0.15)
    true = GammaGamma(SPEND)
    assert found.log_likelihood(x, m).mean() >= true.log_likelihood(x, m).mean()
    np.testing.assert_allclose(found.value(x, m).mean(), true.value(x, m).mean(), rtol=0.02)


def test_few_orders_are_shrunk_to_everybodys_value_and_many_are_believed() -> None:
    model = GammaGamma(SPEND)
    p, q, gamma = SPEND
    everybody = p * gamma / (q - 1)
    one, many, none = model.value(np.array([1.0, 1000, 0]), np.array([100.0, 100, 0]))
    assert everybody < one < 100
    assert many == pytest.approx(100, rel=0.01)
    assert none == pytest.approx(everybody)
    assert model.value(np.array([2.0]), np.array([0.0]))[0] == pytest.approx(everybody)


def test_one_order_of_seventy_thousand_changes_little_for_the_others() -> None:
    x, m = spenders(500)
    plain = GammaGamma().fit(x, m)
    odd = GammaGamma().fit(np.append(x, 1), np.append(m, 70_000))
    np.testing.assert_allclose(odd.value(x, m), plain.value(x, m), rtol=0.1)
    assert odd.value(np.ones(1), np.array([70_000.0]))[0] < 10_000


def test_orders_of_one_price_or_of_none_are_no_error() -> None:
    x = np.arange(1.0, 41)
    assert GammaGamma().fit(x, np.full(40, 9.9)).value(x, np.full(40, 9.9))[-1] == pytest.approx(
        9.9, rel=0.05
    )
    with pytest.raises(NotEnoughDataError, match="send the value of orders"):
        GammaGamma().fit(x, np.zeros(40))
    with pytest.raises(NotEnoughDataError, match="0 customers with orders"):
        GammaGamma().fit(x, np.full(40, np.nan))
    with pytest.raises(InputError, match="one shape"):
        GammaGamma(SPEND).value(x, np.zeros(3))
    with pytest.raises(InputError, match="not fitted"):
        GammaGamma().value(x, x)
