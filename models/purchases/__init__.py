"""Probability models of when people buy, and for how much."""

from models.purchases.bgnbd import BgNbd, MbgNbd
from models.purchases.counts import Counts
from models.purchases.gammagamma import GammaGamma
from models.purchases.model import PurchaseModel
from models.purchases.nbd import Nbd
from models.purchases.paretonbd import ParetoNbd

__all__ = [
    "PURCHASE_MODELS",
    "BgNbd",
    "Counts",
    "GammaGamma",
    "MbgNbd",
    "Nbd",
    "ParetoNbd",
    "PurchaseModel",
]

PURCHASE_MODELS: dict[str, type[PurchaseModel]] = {
    "bg_nbd": BgNbd,
    "mbg_nbd": MbgNbd,
    "pareto_nbd": ParetoNbd,
}
"""By name; a model in this list is under the contract tests."""
