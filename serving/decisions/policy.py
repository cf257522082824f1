"""Whether what a trigger found may be sent; a message that is not sent is a decision too."""

from collections.abc import Sequence

from features.consents import Consent, ConsentRules, standing
from features.instants import moment
from serving.decisions.triggers import Finding, Trigger
from serving.store import Decision

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
    rules: ConsentRules,
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
        rules: what holds where nothing was said.
        earlier: the customer's decisions of this trigger, newest first.
        model_version: what serves now; the decision itself asks no model.
    """
    obstacle = _obstacle(trigger, finding, at, consents, rules, earlier)
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
    rules: ConsentRules,
    earlier: Sequence[Decision],
) -> str | None:
    stands = standing(consents, rules, trigger.purpose, trigger.channel, at=at)
    if not stands.allowed:
        return stands.reason
    if finding.too_late:
        return "too long ago to step in"
    for decision in earlier:
        if decision.action == SEND and at - decision.at < trigger.cooldown_ms:
            return f"already sent at {moment(decision.at):%Y-%m-%d %H:%M} UTC"
    return None
