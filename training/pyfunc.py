"""A registered bundle as MLflow's pyfunc: `mlflow.pyfunc.load_model("models:/regulars@champion")`.

It must run where the checkout is on the path, for nothing of ours is pickled.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.errors import BundleError, InputError
from models.bundle import Bundle
from models.churn import ChurnModel


class ChurnOfFrame:
    """Predicts churn on a frame whose columns are feature names.

    The frame is what `features.frame(log, customers, at=…)` gives; its order of columns and
    further columns do not matter. NaN means undefined, as the feature's definition says.
    """

    def __init__(self, model: ChurnModel) -> None:
        self._model = model

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """The column `churn_probability`, P(no order in the horizon), by the frame's index.

        Raises:
            InputError: the frame lacks a feature the model was trained on.
        """
        names = list(self._model.feature_names_)
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise InputError(
                f"the frame lacks {len(missing)} features, first {missing[0]!r}; "
                "build it with features.frame(log, customers, at=…)"
            )
        values = frame[names].to_numpy(np.float32)
        return pd.DataFrame(
            {"churn_probability": self._model.predict_proba(values)}, index=frame.index
        )


def _load_pyfunc(path: str) -> ChurnOfFrame:
    """MLflow calls this by name.

    Raises:
        BundleError: the bundle is damaged, or has no churn model.
    """
    churn = Bundle.load(Path(path)).churn
    if churn is None:
        raise BundleError(f"the bundle {path} has no churn model; train it: train churn")
    return ChurnOfFrame(churn)
