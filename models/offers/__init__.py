"""Offers: which one a customer gets, if any, by expected value."""

from models.offers.choice import Alternative, OfferDecision
from models.offers.offer import Cost, Offer, Rule
from models.offers.offers import Offers

__all__ = ["Alternative", "Cost", "Offer", "OfferDecision", "Offers", "Rule"]
