"""A decision about an offer: what was chosen, what else there was, and why."""

from dataclasses import dataclass

from models.offers.offer import Offer


@dataclass(frozen=True)
class Alternative:
    """One thing that could have been done, making no offer among them."""

    offer_id: str | None
    """None is making no offer."""
    title: str
    eligible: bool
    expected_value: float | None
    """In the shop's currency, over the churn horizon; None if not eligible."""
    reason: str
    """Why this value, or why not eligible."""


@dataclass(frozen=True)
class OfferDecision:
    """The offer to make, or none."""

    offer: Offer | None
    expected_value: float
    """Of what was chosen, in the shop's currency, over the churn horizon."""
    reason: str
    alternatives: tuple[Alternative, ...]
    """Everything that was considered, the chosen one included; best first."""
