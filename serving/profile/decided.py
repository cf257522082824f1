"""What was decided for a customer: offered, sent, and withheld with the reason."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from features.instants import moment
from serving.profile.section import section
from serving.store import Decision

LATEST = 50
"""Decisions that are looked at."""

SHOWN = 10
"""Decisions that are shown one by one."""


@section
class DecisionView:
    """Something that was offered, sent or withheld."""

    decision_id: str
    kind: str
    """The trigger's name, or `offer`."""
    customer_id: str
    at: datetime
    action: str
    """send or withheld; offer or no_offer."""
    reason: str
    channel: str | None
    model_version: str | None
    inputs_at: datetime
    """Nothing later was looked at."""
    probability: float
    """With which this action was chosen; 1 where no chance was involved."""
    arm: str | None
    """The experiment's arm; null outside of one."""
    details: Mapping[str, Any]


@section
class DecidedKind:
    """Decisions of one kind with one outcome, among the latest 50."""

    kind: str
    action: str
    times: int
    last_at: datetime
    last_reason: str


def decision_view(decision: Decision) -> DecisionView:
    """A decision as it is answered."""
    told = {**vars(decision), "at": moment(decision.at), "inputs_at": moment(decision.inputs_at)}
    return DecisionView(**told)


def decided(decisions: Sequence[Decision]) -> tuple[DecisionView, ...]:
    """The latest decisions, newest first."""
    return tuple(decision_view(decision) for decision in decisions[:SHOWN])


def decided_by_kind(decisions: Sequence[Decision]) -> tuple[DecidedKind, ...]:
    """How often each kind had which outcome, the latest first."""
    groups: dict[tuple[str, str], list[Decision]] = {}
    for decision in decisions:
        groups.setdefault((decision.kind, decision.action), []).append(decision)
    return tuple(
        DecidedKind(kind, action, len(group), moment(group[0].at), group[0].reason)
        for (kind, action), group in groups.items()
    )
