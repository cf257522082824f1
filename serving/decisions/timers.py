"""Durable timers: set with the event that causes them, looked at when due, decided once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import structlog

from features.consents import ConsentRules
from features.errors import StorageError
from features.events.event import Event
from features.timeline import Timeline
from serving.clock import Clock
from serving.decisions.policy import decide
from serving.decisions.triggers import Trigger
from serving.store import Decision, Due, Person, Store, Timer

log = structlog.get_logger()

LEASE_MS = 30_000
"""How long a claimed timer is one worker's; if that worker dies, another takes it then."""


def timers_of(event: Event, triggers: Sequence[Trigger]) -> tuple[Timer, ...]:
    """The timers an event sets; what is told of long after it happened sets none."""
    late = event.received_at - event.timestamp
    return tuple(
        Timer(trigger=trigger.name, started_at=event.timestamp, due_at=due_at)
        for trigger in triggers
        if late <= trigger.too_late_ms and (due_at := trigger.due_at(event)) is not None
    )


class Timers:
    """Looks at due timers; several workers may do so at once.

    Arguments:
        store: where timers and decisions live.
        triggers: who may look.
        clock: the present.
        rules: what holds where a customer said nothing of consent.
        translate: a stored timeline in the numbering of the live catalogue.
        model_version: what serves now.
    """

    def __init__(
        self,
        store: Store,
        triggers: Sequence[Trigger],
        clock: Clock,
        *,
        rules: ConsentRules,
        translate: Callable[[Timeline], Timeline],
        model_version: Callable[[], str | None],
    ) -> None:
        self._store = store
        self._triggers: Mapping[str, Trigger] = {trigger.name: trigger for trigger in triggers}
        self._clock = clock
        self._rules = rules
        self._translate = translate
        self._model_version = model_version

    def run_due(self) -> list[Decision]:
        """Look at everything that is due now; the decisions that came of it."""
        now = self._clock()
        decided = []
        while claimed := self._store.claim(now, until=now + LEASE_MS):
            for due in claimed:
                try:
                    decision = self._look(due)
                except StorageError:
                    raise
                except Exception as error:
                    # one customer's trouble is not the others'; it is tried again after the lease
                    log.error("trigger failed", trigger=due.trigger, exc_info=error)
                    continue
                if decision is not None:
                    decided.append(decision)
        return decided

    def _look(self, due: Due) -> Decision | None:
        """Evaluate outside the writer's lock; keep the result only if nothing changed."""
        trigger = self._triggers.get(due.trigger)
        person = self._store.person(due.customer_id)
        if trigger is None or person is None:
            log.warning("timer dropped", trigger=due.trigger, known=trigger is not None)
            self._store.settle(due, None, version=() if person is None else person.version)
            return None
        decision_id = _decision_id(trigger, person)
        if self._store.decision(decision_id) is not None:
            self._store.settle(due, None, version=person.version)  # another of their ids' timers
            return None
        at = self._clock() + 1  # what was acknowledged up to now counts
        finding = trigger.look(self._translate(person.timeline), at)
        decision = None
        if finding is not None:
            decision = decide(
                trigger,
                finding,
                decision_id=decision_id,
                customer_id=due.customer_id,
                at=at,
                consents=self._store.consents(person.customer_id),
                rules=self._rules,
                earlier=self._store.decisions(person.customer_id, kind=trigger.name, limit=10),
                model_version=self._model_version(),
            )
        try:
            if not self._store.settle(due, decision, version=person.version):
                return None  # something happened meanwhile; the timer is due again
        except StorageError:
            if decision is None or self._store.decision(decision_id) is None:
                raise
            self._store.settle(due, None, version=person.version)  # another worker was first
            return None
        if decision is not None:
            log.info("decided", trigger=trigger.name, action=decision.action)
        return decision


def _decision_id(trigger: Trigger, person: Person) -> str:
    """The id of the one decision that a trigger makes on the same knowledge of a person.

    A visitor who logs in brings along timers of their own, which another worker may hold. Both
    workers may look, but only one can keep a decision under this id.
    """
    known = f"{trigger.name}\n{person.customer_id}\n{person.version}"
    return f"dec_{hashlib.sha256(known.encode()).hexdigest()[:32]}"
