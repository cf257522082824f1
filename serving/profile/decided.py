"""What was decided for a customer: offered, sent, and withheld with the reason."""

from collections.abc import Sequence
from datetime import datetime

from features.instants import moment
from serving.profile.section import section
from serving.store import Decision

LATEST = 50
"""Decisions that are looked at."""

SHOWN = 10
"""Decisions that are shown one by one."""


@section
class Decided:
    """One decision; `/v1/decisions/{decision_id}` gives all of it."""

    decision_id: str
    kind: str
    """The trigger's name, or `offer`."""
    at: datetime
    action: str
    """send or withheld; offer or no_offer."""
    reason: str
    channel: str | None


@section
class DecidedKind:
    """Decisions of one kind with one outcome, among the latest 50."""

    kind: str
    action: str
    times: int
    last_at: datetime
    last_reason: str


def decided(decisions: Sequence[Decision]) -> tuple[Decided, ...]:
    """The latest decisions, newest first."""
    return tuple(
        Decided(d.decision_id, d.kind, moment(d.at), d.action, d.reason, d.channel)
        for d in decisions[:SHOWN]
    )


def decided_by_kind(decisions: Sequence[Decision]) -> tuple[DecidedKind, ...]:
    """How often each kind had which outcome, the latest first."""
    groups: dict[tuple[str, str], list[Decision]] = {}
    for decision in decisions:
        groups.setdefault((decision.kind, decision.action), []).append(decision)
    return tuple(
        DecidedKind(kind, action, len(group), moment(group[0].at), group[0].reason)
        for (kind, action), group in groups.items()
    )
