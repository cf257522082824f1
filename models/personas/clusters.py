"""Groups of points: k-means and Gaussian mixtures, kept and asked in one form."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Kind = Literal["k-means", "mixture"]

KINDS: Final[tuple[Kind, ...]] = ("k-means", "mixture")

STARTS = {"k-means": 4, "mixture": 1}
"""Fits from different starts, of which the best is kept; a mixture itself starts from k-means."""

LEAST_VARIANCE = 0.05
"""Added to the variances of a mixture, whose traits have variance 1: without it a group shrinks
onto customers who all have the same value, such as no discount at all."""

AS_GOOD = 0.01
"""A fit that starts from known groups is taken if it is worse by at most this: k-means by this
share of its sum of squares, a mixture by so much log likelihood of a customer."""


@dataclass(frozen=True)
class Clusters:
    """Groups as Gaussian densities with independent traits.

    k-means is the case of equal weights and one variance for all (Bishop 2006, section 9.3.2):
    the densest group is then the nearest, and there is a probability of belonging, too.
    """

    kind: Kind
    log_weight: Floats
    """Shape (groups,)."""
    mean: Floats
    """Shape (groups, traits)."""
    variance: Floats
    """Shape (groups, traits)."""

    def __len__(self) -> int:
        return len(self.mean)

    def log_density(self, points: Floats) -> Floats:
        """Log of weight times density, up to a constant, shape (n, groups)."""
        apart = points[:, None, :] - self.mean
        out: Floats = self.log_weight - 0.5 * (
            (apart * apart / self.variance).sum(axis=2) + np.log(self.variance).sum(axis=1)
        )
        return out

    def labels(self, points: Floats) -> Labels:
        """The group of each point."""
        out: Labels = np.argmax(self.log_density(points), axis=1)
        return out

    def membership(self, points: Floats) -> Floats:
        """Probability of each group, shape (n, groups)."""
        density = self.log_density(points)
        likely = np.exp(density - density.max(axis=1, keepdims=True))
        out: Floats = likely / likely.sum(axis=1, keepdims=True)
        return out

    @classmethod
    def one(cls, points: Floats) -> "Clusters":
        """Everybody in one group."""
        mean, variance = points.mean(axis=0, keepdims=True), np.ones((1, points.shape[1]))
        return cls("k-means", np.zeros(1), mean, variance)


def fit(
    points: Floats, kind: Kind, groups: int, seed: int, start: Labels | None = None
) -> Clusters:
    """Find groups.

    Arguments:
        points: shape (n, traits).
        kind: the method.
        groups: how many.
        seed: of the starts.
        start: groups known before, one for each point: if a fit that starts from them is as good
            (`AS_GOOD`), it is taken, so that a small change of the customers is one of the groups.
    """
    with warnings.catch_warnings():
        # fewer different points than groups: the empty ones fail the smallest share
        from sklearn.exceptions import ConvergenceWarning

        warnings.simplefilter("ignore", ConvergenceWarning)
        found, loss = _fit(points, kind, groups, seed, None)
        if start is not None and len(np.unique(start)) == groups:
            means = np.stack([points[start == group].mean(axis=0) for group in range(groups)])
            near, near_loss = _fit(points, kind, groups, seed, means)
            bound = loss * (1 + AS_GOOD) if kind == "k-means" else loss + AS_GOOD
            filled = len(np.unique(near.labels(points))) == groups
            if filled and near_loss <= bound:
                return near
    return found


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for scikit-learn: sums of several differ from run to run."""
    # the limit is for libraries that are loaded when it is set
    import sklearn.cluster
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # no stubs

    del sklearn
    with threadpool_limits(1):
        yield


def _fit(
    points: Floats, kind: Kind, groups: int, seed: int, means: Floats | None
) -> tuple[Clusters, float]:
    # only training needs them, and they take a second to import
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    starts = STARTS[kind] if means is None else 1
    common: dict[str, Any] = {"n_init": starts, "random_state": seed}
    if kind == "k-means":
        found = KMeans(groups, init="k-means++" if means is None else means, **common).fit(points)
        variance = max(found.inertia_ / points.size, 1e-6)
        weight = np.zeros(groups)
        shape = found.cluster_centers_.shape
        return Clusters(kind, weight, found.cluster_centers_, np.full(shape, variance)), float(
            found.inertia_
        )
    mixture = GaussianMixture(
        groups,
        covariance_type="diag",
        reg_covar=LEAST_VARIANCE,
        max_iter=200,
        means_init=means,
        **common,
    ).fit(points)
    weight = np.log(np.maximum(mixture.weights_, 1e-12))
    return Clusters(kind, weight, mixture.means_, mixture.covariances_), -float(
        mixture.lower_bound_
    )
