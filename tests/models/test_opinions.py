import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.next_product.opinions import Factors, Lists, Opinions, Shared, Shown, Sparse

CUSTOMERS, PRODUCTS = 3, 6

# few values, so that there are ties, and some below 0
some_scores = arrays(
    np.float32, (CUSTOMERS, PRODUCTS), elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0])
)
some_withheld = arrays(np.bool_, (CUSTOMERS, PRODUCTS))
some_shown = arrays(np.bool_, PRODUCTS)


def sparse(scores: npt.NDArray[np.float32]) -> Sparse:
    row, product = np.nonzero(scores)
    offsets = np.searchsorted(row, np.arange(len(scores) + 1)).astype(np.int64)
    # in no order within a customer, as a generator may find them
    return Sparse(offsets, product.astype(np.int32), scores[row, product], scores.shape[1])


def factors(scores: npt.NDArray[np.float32]) -> Factors:
    return Factors(scores, np.eye(scores.shape[1], dtype=np.float32))


def shared(scores: npt.NDArray[np.float32]) -> Shared:
    return Shared(scores[0])


def shown(everyone: npt.NDArray[np.bool_], withheld: npt.NDArray[np.bool_]) -> Shown:
    row, product = np.nonzero(withheld)
    offsets = np.searchsorted(row, np.arange(len(withheld) + 1)).astype(np.int64)
    return Shown(everyone, offsets, product.astype(np.int32))


def best(scores: npt.NDArray[np.float32], k: int, may: npt.NDArray[np.bool_]) -> list[int]:
    """In plain Python: the k highest above 0, the lower index first among equals."""
    ranked = sorted(range(len(scores)), key=lambda product: (-scores[product], product))
    return [product for product in ranked if may[product] and scores[product] > 0][:k]


def entries(lists: Lists, customer: int) -> list[int]:
    return lists.products[lists.offsets[customer] : lists.offsets[customer + 1]].tolist()


@pytest.mark.parametrize("kind", [sparse, factors, shared])
@settings(deadline=None)  # the first example waits for the compiler
@given(scores=some_scores, everyone=some_shown, withheld=some_withheld, k=st.integers(0, 8))
def test_the_best_of_what_may_be_shown_come_first(
    kind: object,
    scores: npt.NDArray[np.float32],
    everyone: npt.NDArray[np.bool_],
    withheld: npt.NDArray[np.bool_],
    k: int,
) -> None:
    opinions: Opinions = kind(scores)  # type: ignore[operator]
    found = opinions.top(k, shown(everyone, withheld))
    for customer in range(CUSTOMERS):
        own = scores[0] if kind is shared else scores[customer]
        assert entries(found, customer) == best(own, k, everyone & ~withheld[customer])
    np.testing.assert_array_equal(found.scores, opinions.of(found.offsets, found.products))


@pytest.mark.parametrize("kind", [sparse, factors, shared])
def test_there_is_no_opinion_of_a_product_that_is_not_known(kind: object) -> None:
    opinions: Opinions = kind(np.ones((1, 2), np.float32))  # type: ignore[operator]
    scores = opinions.of(np.array([0, 3]), np.array([0, 1, 2], np.int32))
    assert scores.tolist() == [1.0, 1.0, 0.0]
    grown = Shown.alike(np.ones(3, np.bool_), 1)
    assert opinions.top(5, grown).products.tolist() == [0, 1]


def test_weights_are_passed_on_as_by_a_matrix_product() -> None:
    drawn = np.random.default_rng(0)
    weights = drawn.random((4, 7)).astype(np.float32) * (drawn.random((4, 7)) < 0.5)
    to = drawn.random((7, 7)).astype(np.float32) * (drawn.random((7, 7)) < 0.5)
    mine = sparse(weights)
    passed = Sparse.passed_on(mine.offsets, mine.products, mine.scores, sparse(to))
    everything = np.tile(np.arange(7, dtype=np.int32), 4)
    found = passed.of(np.arange(5) * 7, everything).reshape(4, 7)
    np.testing.assert_allclose(found, weights @ to, rtol=1e-5)
