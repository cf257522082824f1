"""What may be shown, and how a ranked list becomes a page."""

from models.next_product.shelf.filters import Filters
from models.next_product.shelf.rules import Rule, check
from models.next_product.shelf.showing import filling, sellable
from models.next_product.shelf.withheld import Why

__all__ = ["Filters", "Rule", "Why", "check", "filling", "sellable"]
