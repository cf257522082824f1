"""Gradient-boosted trees that correct log odds."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.churn.base import Floats
from models.threads import to_learn


@dataclass(frozen=True)
class Boosting:
    """Settings of the trees; see `ChurnModel`."""

    trees: int = 100
    leaves: int = 7
    learning_rate: float = 0.03
    min_rows: int = 100
    column_share: float = 0.5
    row_share: float = 0.7
    seed: int = 0
    threads: int = 2

    def fit(
        self,
        X: npt.NDArray[np.floating],  # noqa: N803 - scikit-learn's name
        left: npt.NDArray[np.bool_],
        start: Floats,
        weight: Floats,
        names: list[str],
    ) -> lgb.Booster:
        """Learn what moves the log odds away from `start`."""
        parameters = {
            "objective": "binary",
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            # a small shop must still be able to split
            "min_data_in_leaf": max(1, min(self.min_rows, len(left) // 20)),
            "feature_fraction": self.column_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": to_learn(len(left), self.threads),
            "verbosity": -1,
        }
        data = lgb.Dataset(
            X, left.astype(np.float32), weight=weight, feature_name=names, init_score=start
        )
        return lgb.train(parameters, data, num_boost_round=self.trees)
