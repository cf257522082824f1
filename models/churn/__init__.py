"""Churn risk: the probability that a customer places no order in the next days."""

from models.churn.bands import Bands, Economics
from models.churn.choice import MIN_EACH
from models.churn.model import LEVEL, ChurnModel, Estimate

__all__ = ["LEVEL", "MIN_EACH", "Bands", "ChurnModel", "Economics", "Estimate"]
