"""Customer value: expected orders and spend, the next order's date, and whether value falls."""

from models.value.change import AGO_DAYS, FALLING, Change
from models.value.model import ValueModel
from models.value.next_order import LIMIT_DAYS, NextOrder
from models.value.prediction import ValuePrediction
from models.value.seen import NEEDED

__all__ = [
    "AGO_DAYS",
    "FALLING",
    "LIMIT_DAYS",
    "NEEDED",
    "Change",
    "NextOrder",
    "ValueModel",
    "ValuePrediction",
]
