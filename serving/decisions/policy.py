"""Whether what a trigger found may be sent; a message that is not sent is a decision too."""

from collections.abc import Sequence

from features.instants import moment
from serving.consent import standing
from serving.decisions.triggers import Finding, Trigger
from serving.store import Consent, Decision

SEND = "send"
WITHHELD = "withheld"


def decide(
    trigger: Trigger,
    finding: Finding,
    *,
    decision_id: str,
    customer_id: str,
    at: int,
    consents: Sequence[Consent],
    earlier: Sequence[Decision],
    model_version: str | None,
) -> Decision:
    """Send, or withhold and say why.

    Arguments:
        trigger: who asks.
        finding: what it saw.
        decision_id: the id of the decision to be.
        customer_id: for whom.
        at: the instant of the decision; nothing later was looked at.
        consents: the customer's statements.
        earlier: the customer's decisions of this trigger, newest first.
        model_version: what serves now; the decision itself asks no model.
    """
    obstacle = _obstacle(trigger, finding, at, consents, earlier)
    return Decision(
        decision_id=decision_id,
        kind=trigger.name,
        customer_id=customer_id,
        at=at,
        action=SEND if obstacle is None else WITHHELD,
        reason=finding.reason if obstacle is None else f"withheld: {obstacle}; {finding.reason}",
        channel=trigger.channel,
        model_version=model_version,
        inputs_at=at,
        probability=1.0,
    )


def _obstacle(
    trigger: Trigger,
    finding: Finding,
    at: int,
    consents: Sequence[Consent],
    earlier: Sequence[Decision],
) -> str | None:
    stands = standing(consents, trigger.purpose, trigger.channel)
    if not stands.said:
        return f"no consent to {trigger.purpose} by {trigger.channel} was ever given"
    if not stands.allowed:
        return f"consent to {trigger.purpose} by {trigger.channel} is denied"
    if finding.too_late:
        return "too long ago to step in"
    for decision in earlier:
        if decision.action == SEND and at - decision.at < trigger.cooldown_ms:
            return f"already sent at {moment(decision.at):%Y-%m-%d %H:%M} UTC"
    return None
