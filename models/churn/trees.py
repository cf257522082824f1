"""Gradient-boosted trees that correct log odds."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.boosting import parameters
from models.churn.base import Floats


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
        grown = parameters(
            "binary",
            len(left),
            leaves=self.leaves,
            learning_rate=self.learning_rate,
            min_rows=self.min_rows,
            column_share=self.column_share,
            seed=self.seed,
            threads=self.threads,
        )
        grown |= {"bagging_fraction": self.row_share, "bagging_freq": 1}
        data = lgb.Dataset(
            X, left.astype(np.float32), weight=weight, feature_name=names, init_score=start
        )
        return lgb.train(grown, data, num_boost_round=self.trees)
