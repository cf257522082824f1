"""Finds customers, under any of their ids."""

from collections.abc import Sequence

from features.consents import ConsentRules
from serving.champion import Champion
from serving.clock import Clock
from serving.currency import Currency
from serving.errors import UnknownCustomerError
from serving.profile.decided import LATEST
from serving.profile.known import Known
from serving.profile.profile import Profile, profile
from serving.store import Person, Store


class Profiles:
    """Finds customers.

    Arguments:
        store: where they are.
        champion: in whose numbering.
        clock: the present.
        currency: of the shop's money.
        time_zone: in which the shop's hours are told.
        rules: what holds where a customer said nothing of consent.
    """

    def __init__(
        self,
        store: Store,
        champion: Champion,
        clock: Clock,
        currency: Currency,
        time_zone: str,
        rules: ConsentRules,
    ) -> None:
        self._store = store
        self._champion = champion
        self._clock = clock
        self._currency = currency
        self._time_zone = time_zone
        self._rules = rules

    @property
    def currency(self) -> str | None:
        """The shop's currency; None while nobody has said it."""
        return self._currency.code()

    def find(self, customer_id: str) -> Known | None:
        """A customer under any of their ids; None when nothing is known."""
        return self._known(self._store.person(customer_id))

    def first(self, customer_ids: Sequence[str]) -> Known | None:
        """The first of several ids, the best first, of which anything is known."""
        return next((found for i in customer_ids if (found := self.find(i))), None)

    def known(self, customer_id: str) -> Known:
        """A customer under any of their ids.

        Raises:
            UnknownCustomerError: nothing is known of them.
        """
        found = self.find(customer_id)
        if found is None:
            raise UnknownCustomerError(customer_id)
        return found

    def profile(self, customer_id: str) -> Profile:
        """The whole view.

        Raises:
            UnknownCustomerError: nothing is known of them.
        """
        person, decisions = self._store.decided(customer_id, LATEST)
        known = self._known(person)
        if known is None:
            raise UnknownCustomerError(customer_id)
        return profile(
            known,
            decisions,
            currency=self.currency,
            time_zone=self._time_zone,
        )

    def _known(self, person: Person | None) -> Known | None:
        self._champion.hear(None if person is None else person.told)
        if person is None:
            return None
        live, timeline = self._champion.translated(person.timeline)
        consents = tuple(self._store.consents(person.customer_id))
        return Known(person, timeline, live, self._clock() + 1, consents, self._rules)
