"""Churn risk: the probability that a customer places no order in the next days."""

from models.churn.model import MIN_EACH, ChurnModel

__all__ = ["MIN_EACH", "ChurnModel"]
