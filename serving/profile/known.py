"""A customer as answers are made from: one moment, one bundle, one numbering."""

from collections.abc import Sequence
from dataclasses import dataclass

from features.compute import Matrix, vector
from features.consents import Consent, ConsentRules, Standing, standing
from features.definitions import FEATURES
from features.timeline import Timeline
from models.declared import features_named
from serving.live import Live
from serving.store import Person


@dataclass(frozen=True)
class Known:
    """A customer as answers are made from: one moment, one bundle, one numbering."""

    person: Person
    timeline: Timeline
    """In the numbering of `live`."""
    live: Live
    at: int
    """The instant of the answer: what was acknowledged before it counts."""
    consents: tuple[Consent, ...]
    rules: ConsentRules

    def standing(self, purpose: str, channel: str | None = None) -> Standing:
        """Whether the customer allows a purpose, and why; on any channel when none is given."""
        return standing(self.consents, self.rules, purpose, channel, at=self.at)

    def features(self, names: Sequence[str] | None = None, at: int | None = None) -> Matrix:
        """The declared features, or those named, in order; NaN where undefined.

        As of the answer's instant, or of an earlier one: of what was known then.
        """
        # always the same tuple for the same names: the kernel's program is found by it
        chosen = FEATURES if names is None else features_named(tuple(names))
        return vector(
            self.timeline,
            self.at if at is None else at,
            self.live.catalog,
            self.live.reference,
            features=chosen,
        )
