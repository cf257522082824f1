"""The shop's offers, and the choice among them."""

import json
import math
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from features import toml
from features.errors import InputError, shown
from models.offers.choice import Alternative, OfferDecision
from models.offers.offer import Offer

EXAMPLE = Path(__file__).with_name("example.toml")
"""Offers to start from."""


class Offers(BaseModel):
    """Offers and the shop's margin.

    The value of making an offer, over the churn horizon and for one order in it:

        P(order with offer) × (margin × order value + offer's value − offer's cost)

    where P(order with offer) = 1 − churn probability × (1 − effect): the offer keeps the
    stated share of those who would leave, and everyone who orders takes it. No offer is worth
    (1 − churn probability) × margin × order value. What is worth most is chosen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    margin: float = Field(default=0.3, gt=0, le=1)
    """The part of an order's value that the shop keeps; 30 % until the shop says otherwise."""

    offers: tuple[Offer, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "Offers":
        """Read offers from TOML.

        Raises:
            InputError: the file is missing or no TOML, an id stands twice, or a field has a
                wrong name or value; the message names it.
        """
        out = toml.validated(cls, toml.read(path, "offers", "are"), path)
        seen: set[str] = set()
        for offer in out.offers:
            if offer.id in seen:
                raise InputError(f"{path}: two offers have the id {shown(offer.id)}; rename one")
            seen.add(offer.id)
        return out

    def save(self, path: Path) -> None:
        """Write TOML that `load` reads."""
        text = [f"margin = {self.margin}\n"]
        for offer in self.offers:
            text.append("\n[[offers]]\n")
            text += [f"{key} = {_toml(value)}\n" for key, value in offer.model_dump().items()]
        path.write_text("".join(text), encoding="utf-8")

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the features that the rules read, sorted."""
        return tuple(sorted({rule.feature for offer in self.offers for rule in offer.rules}))

    def choose(
        self,
        features: Mapping[str, float],
        churn_probability: float,
        order_value: float,
        *,
        channel: str | None = None,
        purposes: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> OfferDecision:
        """What to offer one customer, if anything.

        Arguments:
            features: the customer's, by name.
            churn_probability: P(no order in the horizon).
            order_value: what an order of this customer is worth, in the shop's currency;
                where it is not finite (no order yet) it counts as 0.
            channel: where it would be shown; any when None.
            purposes: what the customer consents to; everything when None.
            without: ids of offers not to make, for instance declined ones.

        Raises:
            InputError: the probability is not within 0 and 1.
        """
        if not 0 <= churn_probability <= 1:
            raise InputError(f"churn_probability = {churn_probability}: must be within 0 and 1")
        worth = order_value if math.isfinite(order_value) and order_value > 0 else 0.0
        stays = 1 - churn_probability
        nothing = Alternative(
            None,
            "no offer",
            True,
            stays * self.margin * worth,
            f"orders anyway with a probability of {stays:.0%}",
        )
        considered = [nothing]
        for offer in self.offers:
            why_not = _why_not(offer, features, channel, purposes, without)
            if why_not:
                considered.append(Alternative(offer.id, offer.title, False, None, why_not))
                continue
            orders = 1 - churn_probability * (1 - offer.effect)
            cost = offer.cost.of(worth)
            value = orders * (self.margin * worth + offer.value - cost)
            reason = f"raises the probability of an order from {stays:.0%} to {orders:.0%} at a "
            reason += f"cost of {cost:,.2f}"
            considered.append(Alternative(offer.id, offer.title, True, value, reason))
        # stable: what comes first wins a tie, and making no offer comes first
        ranked = sorted(
            considered,
            key=lambda a: -math.inf if a.expected_value is None else a.expected_value,
            reverse=True,
        )
        return self._decision(tuple(ranked), nothing)

    def _decision(self, ranked: tuple[Alternative, ...], nothing: Alternative) -> OfferDecision:
        chosen = ranked[0]
        value = chosen.expected_value or 0.0
        if chosen.offer_id is not None:
            gain = value - (nothing.expected_value or 0.0)
            reason = f"{chosen.title}: {chosen.reason}; expected to bring {gain:,.2f} more than "
            reason += "no offer"
        elif any(a.eligible for a in ranked[1:]):
            reason = f"No offer: {chosen.reason}, and no offer is worth its cost"
        elif len(ranked) > 1:
            reason = f"No offer: none may be made ({ranked[1].title} {ranked[1].reason})"
        else:
            reason = "No offer: the shop has none"
        offer = next((o for o in self.offers if o.id == chosen.offer_id), None)
        return OfferDecision(offer, value, reason, ranked)


def _why_not(
    offer: Offer,
    features: Mapping[str, float],
    channel: str | None,
    purposes: Collection[str] | None,
    without: Collection[str],
) -> str:
    """Why an offer may not be made; empty if it may."""
    if offer.id in without:
        return "is excluded"
    if channel is not None and channel not in offer.channels:
        return f"is not for {channel}, only for {', '.join(offer.channels)}"
    if purposes is not None and offer.purpose not in purposes:
        return f"needs consent to {offer.purpose}" + (f" by {channel}" if channel else "")
    for rule in offer.rules:
        if not rule.holds(features):
            return rule.why_not(features)
    return ""


def _toml(value: Any) -> str:
    """A value as TOML; strings by JSON's rules, which are a subset but for DEL."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return repr(value)
