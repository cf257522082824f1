"""Churn risk: the probability that a customer places no order in the next days."""

from models.churn.bands import Bands, Economics
from models.churn.base import Fits
from models.churn.choice import MIN_EACH
from models.churn.estimate import LEVEL, Estimate
from models.churn.model import ChurnModel

__all__ = ["LEVEL", "MIN_EACH", "Bands", "ChurnModel", "Economics", "Estimate", "Fits"]
