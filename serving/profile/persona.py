"""Which persona a customer is of, as the bundle's personas say."""

from collections.abc import Mapping

import numpy as np

from features.consents import PROFILING
from serving.profile.known import Known
from serving.profile.past import number
from serving.profile.section import section


@section
class PersonaView:
    """A group of customers who do alike."""

    key: str
    """Stays with the group from one training to the next; its name may change."""
    name: str
    description: str
    """What sets these customers apart from all of the shop's."""
    membership: float
    """How surely the customer belongs to it, 0 to 1."""


def persona(known: Known, features: Mapping[str, float | None]) -> PersonaView | None:
    """The customer's persona.

    None where the bundle has no personas, where the customer never ordered, since personas are of
    customers with an order, and where they do not allow to be profiled.
    """
    bundle = known.live.bundle
    if bundle is None or bundle.personas is None or not features["purchase_orders_life"]:
        return None
    if not known.standing(PROFILING).allowed:
        return None
    found = bundle.personas
    # None becomes NaN
    row = np.array([[features[name] for name in found.feature_names_]], np.float32)
    probabilities = found.predict_proba(row)[0]
    place = int(probabilities.argmax())
    theirs = found.personas_[place]
    return PersonaView(
        key=theirs.key,
        name=theirs.name,
        description=theirs.description,
        membership=number(probabilities[place]) or 0.0,
    )
