"""What anyone could do without us: the yardsticks beside every evaluation."""

from training.baselines.churn import churn_baselines, purchase_model, rfm
from training.baselines.frequency import Ranked, alone, personal, top_overall
from training.baselines.tifuknn import TifuKnn
from training.baselines.upcf import UpCf
from training.baselines.value import value_baselines

__all__ = [
    "Ranked",
    "TifuKnn",
    "UpCf",
    "alone",
    "churn_baselines",
    "personal",
    "purchase_model",
    "rfm",
    "top_overall",
    "value_baselines",
]
