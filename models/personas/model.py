"""Personas: groups of customers by what they do, named, and found again when trained again."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from features.errors import BundleError, InputError, NotEnoughDataError
from models.personas import naming
from models.personas.clusters import Clusters, one_thread
from models.personas.matching import matched
from models.personas.persona import Persona
from models.personas.scaling import Scaling
from models.personas.stability import Candidate, candidates, chosen, grouped
from models.personas.traits import BY_FEATURE, TRAITS
from models.tables import check_finite, named_table

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

MIN_CUSTOMERS = 200
"""Customers from which on groups are looked for: halves of a hundred, in which one in twenty is
five. A smaller shop has one persona."""


class Personas:
    """A few groups by behaviour, which other customers would show as well.

    Features are brought into comparable form and grouped by k-means and by Gaussian mixtures; of
    the numbers and kinds of groups that are stable the clearest is taken, see `stability`. Where
    nothing is stable there is one persona. Learnt again with the last ones at hand, groups begin
    at these, and those that are found again keep their keys, and their names while they are true.

    Arguments:
        most: personas at most.
        halvings: how often stability is tried.
        seed: of all random choices; equal input then gives equal personas.
    """

    def __init__(self, *, most: int = 4, halvings: int = 12, seed: int = 0) -> None:
        self.most = most
        self.halvings = halvings
        self.seed = seed
        self.feature_names_: tuple[str, ...] = ()
        """The features that tell customers apart, in the order of predictions' columns."""
        self.personas_: tuple[Persona, ...] = ()
        """In the numbering of predictions; the largest first."""
        self.candidates_: list[Candidate] = []
        """What was tried; empty after loading."""
        self.everybody_: dict[str, float] = {}
        """By feature, the median or mean of all customers."""
        self.keys_ = 0
        """How many keys were ever given."""
        self.scaling_: Scaling | None = None
        self.clusters_: Clusters | None = None

    @property
    def kind(self) -> str:
        """How the groups were found: k-means, mixture, or one."""
        if self.clusters_ is None or len(self.clusters_) == 1:
            return "one"
        return self.clusters_.kind

    def fit(
        self,
        X: Matrix,  # noqa: N803 - scikit-learn's name
        feature_names: Sequence[str],
        *,
        previous: "Personas | None" = None,
    ) -> Self:
        """Find the personas of customers at one instant.

        Arguments:
            X: features, shape (customers, features); NaN where undefined.
            feature_names: names of X's columns, as features.definitions declares them.
            previous: the last personas, to be found again.

        Raises:
            InputError: shapes do not fit, X holds infinite values, or none of the features is one
                of `TRAITS`.
            NotEnoughDataError: there are no customers.
        """
        names, values = _traits(X, feature_names)
        scaling = Scaling.of(values, names)
        telling = scaling.telling(values)
        if not telling.any():
            telling[0] = True
        names = tuple(name for name, tells in zip(names, telling, strict=True) if tells)
        values = values[:, telling]
        self.feature_names_, self.scaling_ = names, scaling.of_traits(telling)
        points = self.scaling_(values)
        last = None if previous is None else previous._of(values, names)
        with one_thread():
            choice = self._choose(points, previous)
            self.clusters_ = _sorted(grouped(points, choice, self.seed, last), points)
        labels = self.clusters_.labels(points)
        same: list[int | None] = [None] * len(self.clusters_)
        if previous is not None and last is not None:
            same = matched(labels, last, self._distance(previous))
        self._describe(values, labels, previous, same)
        return self

    def predict(self, X: Matrix) -> npt.NDArray[np.int64]:  # noqa: N803
        """The persona of each customer, a place in `personas_`, shape (n,).

        Arguments:
            X: the features of `feature_names_`, shape (n, features); NaN where undefined.

        Raises:
            InputError: X has other columns, or these personas are not fitted.
        """
        clusters, points = self._points(X)
        return clusters.labels(points)

    def predict_proba(self, X: Matrix) -> Floats:  # noqa: N803
        """How surely each customer belongs to each persona, shape (n, personas); as `predict`."""
        clusters, points = self._points(X)
        return clusters.membership(points)

    def save(self, folder: Path) -> None:
        """Write JSON; no pickle."""
        if self.clusters_ is None or self.scaling_ is None:
            raise InputError("these personas are not fitted; call fit or load first")
        folder.mkdir(parents=True, exist_ok=True)
        document: dict[str, Any] = {
            "settings": {
                "most": self.most,
                "halvings": self.halvings,
                "seed": self.seed,
            },
            "feature_names": list(self.feature_names_),
            "personas": [asdict(persona) for persona in self.personas_],
            "everybody": self.everybody_,
            "keys": self.keys_,
            "scaling": self.scaling_.document(),
            "clusters": {
                "kind": self.clusters_.kind,
                "log_weight": self.clusters_.log_weight.tolist(),
                "mean": self.clusters_.mean.tolist(),
                "variance": self.clusters_.variance.tolist(),
            },
        }
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        (folder / "personas.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: the file is missing or unreadable.
        """
        try:
            document = json.loads((folder / "personas.json").read_text(encoding="utf-8"))
            out = cls(**document["settings"])
            out.feature_names_ = tuple(document["feature_names"])
            out.personas_ = tuple(Persona(**each) for each in document["personas"])
            out.everybody_ = dict(document["everybody"])
            out.keys_ = int(document["keys"])
            out.scaling_ = Scaling.read(document["scaling"])
            found = document["clusters"]
            arrays = {name: np.array(found[name]) for name in ("log_weight", "mean", "variance")}
            out.clusters_ = Clusters(found["kind"], **arrays)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"cannot read the personas in {folder}: {error}") from error
        return out

    def _points(self, X: Matrix) -> tuple[Clusters, Floats]:  # noqa: N803
        if self.clusters_ is None or self.scaling_ is None:
            raise InputError("these personas are not fitted; call fit or load first")
        values = np.asarray(X)
        if values.ndim != 2 or values.shape[1] != len(self.feature_names_):
            raise InputError(
                f"X has shape {values.shape}; these personas take "
                f"(customers, {len(self.feature_names_)}) with the columns of feature_names_"
            )
        return self.clusters_, self.scaling_(values)

    def _of(self, values: Matrix, names: Sequence[str]) -> npt.NDArray[np.int64] | None:
        """The personas of customers of whom other features are known; None without a common one."""
        if not set(names) & set(self.feature_names_):
            return None
        own = np.full((len(values), len(self.feature_names_)), np.nan, np.float32)
        for place, name in enumerate(self.feature_names_):
            if name in names:
                own[:, place] = values[:, names.index(name)]
        return self.predict(own)

    def _distance(self, other: "Personas") -> Floats:
        """Between the centres here and there, in the traits that both have."""
        (here, centres), (there, others) = self._centres, other._centres
        names = [name for name in self.feature_names_ if name in other.feature_names_]
        own = [self.feature_names_.index(name) for name in names]
        theirs = [other.feature_names_.index(name) for name in names]
        spread = np.where(here.spread > 0, here.spread, 1.0)[own]
        moved = others[:, theirs] * there.spread[theirs] + there.mean[theirs]
        moved = (moved - here.mean[own]) / spread
        out: Floats = np.linalg.norm(centres[:, own][:, None, :] - moved, axis=2)
        return out

    @property
    def _centres(self) -> tuple[Scaling, Floats]:
        if self.clusters_ is None or self.scaling_ is None:
            raise InputError("these personas are not fitted; call fit or load first")
        return self.scaling_, self.clusters_.mean

    def _choose(self, points: Floats, previous: "Personas | None") -> Candidate | None:
        self.candidates_ = []
        if len(points) < MIN_CUSTOMERS:
            return None
        self.candidates_ = candidates(points, self.most, self.halvings, self.seed)
        last = None if previous is None else previous.clusters_
        return chosen(self.candidates_, None if last is None else (last.kind, len(last)))

    def _describe(
        self,
        values: Matrix,
        labels: npt.NDArray[np.int64],
        previous: "Personas | None",
        same: Sequence[int | None],
    ) -> None:
        """Sets `personas_`, `everybody_` and `keys_`."""
        _, points = self._points(values)
        groups = range(len(same))
        old = [None if i is None or previous is None else previous.personas_[i] for i in same]
        self.keys_ = 0 if previous is None else previous.keys_
        self.everybody_ = self._figures(values)
        figures = [self._figures(values[labels == group]) for group in groups]
        apart = [
            dict(zip(self.feature_names_, points[labels == i].mean(axis=0).tolist(), strict=True))
            for i in groups
        ]
        seen = [naming.visible(apart[i], figures[i], self.everybody_) for i in groups]
        names = naming.names(seen, [None if each is None else each.name for each in old])
        out = []
        for i, before in enumerate(old):
            self.keys_ += before is None
            told = (
                naming.of_all(figures[i])
                if len(groups) == 1
                else naming.description(names[i], seen[i], figures[i], self.everybody_)
            )
            out.append(
                Persona(
                    key=f"p{self.keys_}" if before is None else before.key,
                    name=names[i],
                    description=told,
                    share=float((labels == i).mean()),
                    apart=apart[i],
                    figures=figures[i],
                )
            )
        self.personas_ = tuple(out)

    def _figures(self, values: Matrix) -> dict[str, float]:
        out = {}
        for name, column in zip(self.feature_names_, values.T, strict=True):
            known = column[~np.isnan(column)].astype(np.float64)
            middle = np.median if BY_FEATURE[name].median else np.mean
            if len(known):
                out[name] = float(middle(known))
        return out


def _traits(X: Matrix, feature_names: Sequence[str]) -> tuple[tuple[str, ...], Matrix]:  # noqa: N803
    values = named_table(X, feature_names)
    if not len(values):
        raise NotEnoughDataError(
            "there are no customers with an order to find personas among; import a longer history"
        )
    places = {name: place for place, name in enumerate(feature_names)}
    names = tuple(trait.feature for trait in TRAITS if trait.feature in places)
    if not names:
        raise InputError(
            f"none of {len(feature_names)} features is one that personas are made of: "
            f"{', '.join(trait.feature for trait in TRAITS)}"
        )
    theirs = values[:, [places[name] for name in names]]
    check_finite(theirs, names)
    return names, theirs


def _sorted(clusters: Clusters, points: Floats) -> Clusters:
    """The largest group first."""
    sizes = np.bincount(clusters.labels(points), minlength=len(clusters))
    order = np.argsort(-sizes, kind="stable")
    return Clusters(
        clusters.kind, clusters.log_weight[order], clusters.mean[order], clusters.variance[order]
    )
