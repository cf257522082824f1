"""How good ranked lists of products are, beside what anyone could do without us."""

from training.next_product.evaluation import NextProductEvaluation, evaluate_next_product
from training.next_product.lists import LONGEST

__all__ = ["LONGEST", "NextProductEvaluation", "evaluate_next_product"]
