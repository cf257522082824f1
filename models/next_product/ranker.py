"""The second stage: which of the candidates the customer buys next."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.next_product.trees import MOST_LEAVES, Trees
from models.threads import to_learn

Objective = Literal["binary", "lambdarank"]

ENOUGH = 1_000
"""Purchases among the held out that a correction needs; from fewer it would be off by more than
the few per cent that it is to mend."""

MOST_HELD_OUT = 0.25
"""Of the customers; where that is not enough, the trees are believed."""

TILE = 512
"""Rows that are scored at once."""


class Ranker:
    """Gradient-boosted trees over rows of customer × candidate.

    Arguments:
        objective: binary learns the probability of a purchase; lambdarank (Burges 2010) the
            order within a customer, and has no probability.
        trees: boosting rounds.
        leaves: leaves of one tree.
        learning_rate: weight of one tree.
        min_rows: rows in a leaf at least.
        held_out: share of the customers that the trees do not see and that the probability is
            corrected on, for the more trees, the surer of themselves they are; more where they
            bought too little to tell. None if 0.
        seed: of all random choices.
        threads: of LightGBM.
    """

    def __init__(
        self,
        *,
        objective: Objective = "binary",
        trees: int = 100,
        leaves: int = 15,
        learning_rate: float = 0.08,
        min_rows: int = 100,
        held_out: float = 0.05,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.objective: Objective = objective
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_rows = min_rows
        self.held_out = held_out
        self.seed = seed
        self.threads = threads
        self.column_names_: tuple[str, ...] = ()
        self.booster_: lgb.Booster | None = None
        self.trees_: Trees | None = None
        self.slope_, self.intercept_ = 1.0, 0.0

    def fit(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803 - scikit-learn's name
        y: npt.NDArray[np.bool_],
        group: npt.NDArray[np.int64],
        weight: npt.NDArray[np.float32],
        column_names: Sequence[str],
    ) -> Self:
        """Learn from candidates.

        Arguments:
            X: rows, customer after customer, shape (n, columns).
            y: True where the candidate was bought.
            group: number of rows of each customer.
            weight: of each row; a row kept from ten stands for ten.
            column_names: names of X's columns.
        """
        parameters = {
            "objective": self.objective,
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": max(1, min(self.min_rows, len(y) // 50)),
            "feature_fraction": 0.8,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": to_learn(len(X), self.threads),
            "verbosity": -1,
        }
        other = self._others(y, group)
        data = lgb.Dataset(
            X[~other],
            y[~other].astype(np.float32),
            # the order within a customer does not need the weights, which would bend it
            group=group if self.objective == "lambdarank" else None,
            weight=weight[~other] if self.objective == "binary" else None,
            feature_name=list(column_names),
        )
        self.column_names_ = tuple(column_names)
        self._learnt(lgb.train(parameters, data, num_boost_round=self.trees))
        self.slope_, self.intercept_ = 1.0, 0.0
        if other.any():
            self.slope_, self.intercept_ = _corrected(self._raw(X[other]), y[other], weight[other])
        return self

    def predict(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:  # noqa: N803
        """A score of each row, higher is better; the probability if the objective is binary."""
        if self.booster_ is None or not len(X):
            return np.zeros(len(X), np.float64)
        raw = self._raw(X)
        if self.objective != "binary":
            return raw
        out: npt.NDArray[np.float64] = expit(self.intercept_ + self.slope_ * raw)
        return out

    def _others(
        self, y: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Rows of the customers that are held out."""
        share = max(self.held_out, ENOUGH / max(int(y.sum()), 1))
        if self.objective != "binary" or not self.held_out or share > MOST_HELD_OUT:
            share = 0.0
        return np.repeat(np.random.default_rng(self.seed).random(len(group)) < share, group)

    def _learnt(self, booster: lgb.Booster) -> None:
        self.booster_ = booster
        self.trees_ = Trees.of(booster) if self.leaves <= MOST_LEAVES else None

    def _raw(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:  # noqa: N803
        """What the trees say, tile after tile, since a tile's columns stay in the cache."""
        if self.trees_ is None:
            assert self.booster_ is not None
            out = self.booster_.predict(X, raw_score=True, num_threads=1)
            return np.asarray(out, np.float64)
        tiles = range(0, len(X), TILE)
        return np.concatenate([self.trees_.raw(X[tile : tile + TILE].T) for tile in tiles])

    def importance(self) -> dict[str, float]:
        """How much each column lowered the loss, summed over all splits."""
        if self.booster_ is None:
            return {}
        gains = self.booster_.feature_importance("gain")
        return dict(zip(self.column_names_, map(float, gains), strict=True))

    def save(self, folder: Path) -> None:
        """Write LightGBM's text form and JSON into an existing folder."""
        document: dict[str, Any] = {
            "settings": {
                "objective": self.objective,
                "trees": self.trees,
                "leaves": self.leaves,
                "learning_rate": self.learning_rate,
                "min_rows": self.min_rows,
                "held_out": self.held_out,
                "seed": self.seed,
                "threads": self.threads,
            },
            "column_names": list(self.column_names_),
            "slope": self.slope_,
            "intercept": self.intercept_,
            "fitted": self.booster_ is not None,
        }
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        (folder / "ranker.json").write_text(text, encoding="utf-8")
        if self.booster_ is not None:
            (folder / "trees.txt").write_text(self.booster_.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        document = json.loads((folder / "ranker.json").read_text(encoding="utf-8"))
        out = cls(**document["settings"])
        out.column_names_ = tuple(document["column_names"])
        if document["fitted"]:
            text = (folder / "trees.txt").read_text(encoding="utf-8")
            out._learnt(lgb.Booster(model_str=text))
            out.slope_, out.intercept_ = document["slope"], document["intercept"]
        return out


def _corrected(
    raw: npt.NDArray[np.float64], bought: npt.NDArray[np.bool_], weight: npt.NDArray[np.float32]
) -> tuple[float, float]:
    """Slope and intercept that make scores log-odds (Platt 1999); the order stays as it is."""
    fitted = LogisticRegression(C=np.inf).fit(raw[:, None], bought, weight)
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        return 1.0, 0.0
    return slope, float(fitted.intercept_[0])
