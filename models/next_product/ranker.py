"""The second stage: which of the candidates the customer buys next."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from features.errors import InputError
from models.boosting import parameters
from models.next_product.trees import MOST_LEAVES, Trees

ENOUGH = 1_000
"""Purchases among the held out that a correction needs; from fewer it would be off by more than
the few per cent that it is to mend."""

MOST_HELD_OUT = 0.25
"""Of the customers; where that is not enough, each quarter is held out in its turn."""

FEW_TREES = 0.25
"""Of the trees, where purchases are that few: of 2,000 purchases 50 rounds learn as much as 200
(log-loss .0289 for .0290, DCG .643 for .640), and they are learnt five times."""

LEAST_SLOPE = 0.01
"""Where scores tell nothing of customers that were not learnt from: nearly all are as likely, in
the order of the scores."""

LONGEST = 10_000
"""Candidates that LightGBM orders at once; of more, each part is ordered by itself."""

TILE = 512
"""Rows that are scored at once."""

OBJECTIVES: tuple[Literal["binary", "lambdarank"], ...] = ("binary", "lambdarank")
"""What the two sets of trees learn."""


class Ranker:
    """Gradient-boosted trees over rows of customer × candidate: two sets, whose scores are added.

    One learns whether a candidate is bought (logistic loss), the other the order of a customer's
    candidates (LambdaMART, Burges 2010); their sum orders better than either. A slope and an
    intercept make it log-odds (Platt 1999). They are learnt on lists of candidates that the trees
    did not see, since the more trees, the surer of themselves they are.

    Arguments:
        trees: boosting rounds of each set, at most.
        leaves: leaves of one tree, at most MOST_LEAVES.
        learning_rate: weight of one tree.
        min_rows: rows in a leaf at least.
        held_out: share of the customers' lists that the trees do not see and that scores are
            corrected on; more where too little was bought of these to tell, and where a quarter
            would not do, each in its turn. Scores stay as they are if 0.
        seed: of all random choices.
        threads: of LightGBM.
    """

    def __init__(
        self,
        *,
        trees: int = 100,
        leaves: int = 15,
        learning_rate: float = 0.08,
        min_rows: int = 100,
        held_out: float = 0.05,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        if not 2 <= leaves <= MOST_LEAVES:
            raise InputError(f"leaves = {leaves}: choose 2 to {MOST_LEAVES}")
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_rows = min_rows
        self.held_out = held_out
        self.seed = seed
        self.threads = threads
        self.column_names_: tuple[str, ...] = ()
        self.boosters_: tuple[lgb.Booster, ...] = ()
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
        self.column_names_ = tuple(column_names)
        self.slope_, self.intercept_ = 1.0, 0.0
        turns = self._turns(y, group)
        rounds = self.trees if len(turns) < 2 else max(round(self.trees * FEW_TREES), 1)
        raw = np.zeros(len(y))
        judged = np.zeros(len(y), np.bool_)
        for held_out in turns:
            rows = np.repeat(held_out, group)
            self._learnt(self._grown(X, y, group, weight, ~held_out, rounds))
            raw[rows] = self._raw(X[rows])
            judged |= rows
        if len(turns) != 1:
            everybody = np.ones(len(group), np.bool_)
            self._learnt(self._grown(X, y, group, weight, everybody, rounds))
        if turns:
            self.slope_, self.intercept_ = _corrected(raw[judged], y[judged], weight[judged])
        return self

    def predict(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:  # noqa: N803
        """The probability that each row's candidate is bought; 0 before `fit`."""
        if self.trees_ is None or not len(X):
            return np.zeros(len(X), np.float64)
        out: npt.NDArray[np.float64] = expit(self.intercept_ + self.slope_ * self._raw(X))
        return out

    def _turns(
        self, y: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]
    ) -> list[npt.NDArray[np.bool_]]:
        """Which lists are held out, each time."""
        random = np.random.default_rng(self.seed)
        some = np.flatnonzero(group)
        share = max(self.held_out, ENOUGH / max(int(y.sum()), 1))
        if not self.held_out or len(some) < 2:
            return []
        if share <= MOST_HELD_OUT:
            return [random.random(len(group)) < share]
        parts = min(round(1 / MOST_HELD_OUT), len(some))
        part = np.full(len(group), -1)
        part[some] = random.permutation(len(some)) % parts
        return [part == each for each in range(parts)]

    def _grown(
        self,
        X: npt.NDArray[np.float32],  # noqa: N803
        y: npt.NDArray[np.bool_],
        group: npt.NDArray[np.int64],
        weight: npt.NDArray[np.float32],
        customers: npt.NDArray[np.bool_],
        rounds: int,
    ) -> list[lgb.Booster]:
        """Both sets of trees, from some of the customers."""
        rows = np.repeat(customers, group)
        x, bought, out = X[rows], y[rows].astype(np.float32), []
        for objective in OBJECTIVES:
            ordering = objective == "lambdarank"
            data = lgb.Dataset(
                x,
                bought,
                # the order within a customer does not need the weights, which would bend it
                weight=None if ordering else weight[rows],
                group=_parts(group[customers]) if ordering else None,
                feature_name=list(self.column_names_),
            )
            grown = parameters(
                objective,
                len(x),
                leaves=self.leaves,
                learning_rate=self.learning_rate,
                min_rows=self.min_rows,
                column_share=0.8,
                seed=self.seed,
                threads=self.threads,
            )
            out.append(lgb.train(grown, data, num_boost_round=rounds))
        return out

    def _learnt(self, boosters: Sequence[lgb.Booster]) -> None:
        self.boosters_ = tuple(boosters)
        self.trees_ = Trees.of(*boosters)

    def _raw(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:  # noqa: N803
        """What the trees say, tile after tile, since a tile's columns stay in the cache."""
        assert self.trees_ is not None
        tiles = range(0, len(X), TILE)
        parts = [self.trees_.raw(X[tile : tile + TILE].T) for tile in tiles]
        return np.concatenate([np.empty(0), *parts])

    def importance(self) -> dict[str, float]:
        """How much each column lowered the losses: its share of the splits' gain."""
        out = np.zeros(len(self.column_names_))
        for booster in self.boosters_:
            gains = np.asarray(booster.feature_importance("gain"), np.float64)
            out += gains / max(float(gains.sum()), 1e-12) / len(self.boosters_)
        return dict(zip(self.column_names_, out.tolist(), strict=True)) if self.boosters_ else {}

    def save(self, folder: Path) -> None:
        """Write LightGBM's text form and JSON into an existing folder."""
        document: dict[str, Any] = {
            "settings": {
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
            "fitted": self.trees_ is not None,
        }
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        (folder / "ranker.json").write_text(text, encoding="utf-8")
        if self.boosters_:
            for objective, booster in zip(OBJECTIVES, self.boosters_, strict=True):
                file = folder / f"{objective}.txt"
                file.write_text(booster.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        document = json.loads((folder / "ranker.json").read_text(encoding="utf-8"))
        out = cls(**document["settings"])
        out.column_names_ = tuple(document["column_names"])
        if document["fitted"]:
            files = [folder / f"{objective}.txt" for objective in OBJECTIVES]
            texts = [file.read_text(encoding="utf-8") for file in files]
            out._learnt([lgb.Booster(model_str=text) for text in texts])
            out.slope_, out.intercept_ = document["slope"], document["intercept"]
        return out


def _parts(group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sizes of customers' lists, those longer than LONGEST in parts."""
    if group.max(initial=0) <= LONGEST:
        return group
    whole, rest = np.divmod(group, LONGEST)
    sizes = [
        [LONGEST] * many + [left] for many, left in zip(whole.tolist(), rest.tolist(), strict=True)
    ]
    return np.array([size for part in sizes for size in part if size], np.int64)


def _corrected(
    raw: npt.NDArray[np.float64], bought: npt.NDArray[np.bool_], weight: npt.NDArray[np.float32]
) -> tuple[float, float]:
    """Slope and intercept that make scores log-odds; the order stays as it is."""
    if bought.all() or not bought.any():
        return 1.0, 0.0
    fitted = LogisticRegression(C=np.inf).fit(raw[:, None], bought, weight)
    slope = float(fitted.coef_[0, 0])
    if slope >= LEAST_SLOPE:
        return slope, float(fitted.intercept_[0])
    usual = logit(np.average(bought, weights=weight))
    return LEAST_SLOPE, float(usual - LEAST_SLOPE * np.average(raw, weights=weight))
