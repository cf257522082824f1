"""What a ledger adds up to: a pure function of the set of statements and an instant."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from features.consents.rules import ConsentRules
from features.consents.statement import ALL_CHANNELS, REQUIRED, Consent
from features.instants import moment


@dataclass(frozen=True)
class Standing:
    """Whether a purpose is allowed, why, and since when it was said."""

    allowed: bool
    said: bool
    """False when it is allowed or not by default: never asked, or what was said has expired."""
    reason: str
    """In words that may be read to the customer."""
    at: int | None = None


def standing(
    consents: Iterable[Consent],
    rules: ConsentRules,
    purpose: str,
    channel: str | None = None,
    *,
    at: int,
) -> Standing:
    """What holds for a purpose at an instant.

    A statement overrides an earlier one, and of two at one instant the more restrictive
    overrides the other: where both were made under the same id, where the later one's event
    carried the other's id, or where it was made after both ids were known to be one person's.
    So ids that were joined keep what each had said until the person speaks anew. An expired
    grant overrides grants, but lifts no denial. What merely came along with events counts from
    when it first did, and lifts no denial that was said on its own. Of what nothing overrides,
    a denial holds before a grant. Statements after the instant do not count yet. The order of
    the ledger is irrelevant.

    Arguments:
        consents: one person's ledger.
        rules: what holds where nothing was said.
        purpose: the purpose.
        channel: on this channel; statements for all channels cover each. None asks for all of
            them: allowed is what no channel forbids.
        at: the instant.
    """
    told = [c for c in consents if c.purpose == purpose and c.at <= at]
    if channel is not None:
        return _on(told, rules, purpose, channel, at)
    channels = dict.fromkeys((ALL_CHANNELS, *sorted(c.channel for c in told)))
    found = [_on(told, rules, purpose, each, at) for each in channels]
    return min(found, key=lambda stands: (stands.allowed, not stands.said))


def _on(
    told: Iterable[Consent], rules: ConsentRules, purpose: str, channel: str, at: int
) -> Standing:
    what = purpose if channel == ALL_CHANNELS else f"{purpose} by {channel}"
    covering = [c for c in told if c.channel in (channel, ALL_CHANNELS)]
    newest_first = sorted(_news(covering), key=_key, reverse=True)
    holding = [
        c
        for i, c in enumerate(newest_first)
        if not any(_overrides(later, c, at) for later in newest_first[:i])
    ]
    denials = [c for c in holding if c.status == "denied"]
    if denials:
        return Standing(False, True, f"consent to {what} is denied", denials[0].at)
    grants = [c for c in holding if not _expired(c, at)]
    if grants:
        return Standing(True, True, f"consent to {what} is given", grants[0].at)
    expired = max((c.expires_at for c in holding if c.expires_at is not None), default=None)
    allowed = rules.unsaid(purpose)
    if allowed and any(c.status == REQUIRED for c in covering):
        why = f"these data were imported on the basis of consent, and none to {what} is in force"
        return Standing(False, False, why)
    if allowed:
        return Standing(True, False, f"{what} rests on {rules.basis(purpose)}")
    if expired is not None:
        when = f"{moment(expired):%Y-%m-%d %H:%M} UTC"
        return Standing(False, False, f"consent to {what} expired at {when}")
    return Standing(False, False, f"no consent to {what} was ever given")


def _news(covering: Iterable[Consent]) -> Iterator[Consent]:
    """What was said, without what events carried of which those before had carried the same."""
    last: dict[tuple[str, str], str] = {}
    for consent in sorted((c for c in covering if c.status != REQUIRED), key=_key):
        if consent.carried:
            about = consent.customer_id, consent.channel
            if last.get(about) == consent.status:
                continue
            last[about] = consent.status
        yield consent


def _overrides(later: Consent, earlier: Consent, at: int) -> bool:
    if earlier.status == "denied":  # only a grant lifts it
        if later.status == "denied" or _expired(later, at):
            return False
        if later.carried and not earlier.carried:
            return False
    if later.customer_id == earlier.customer_id or earlier.customer_id in later.together:
        return True
    return later.at >= max(later.joined_at or 0, earlier.joined_at or 0)


def _expired(consent: Consent, at: int) -> bool:
    return (
        consent.status == "granted" and consent.expires_at is not None and consent.expires_at <= at
    )


def _key(consent: Consent) -> tuple[int, bool, float]:
    """What orders statements: time, and at one instant how restrictive they are."""
    lasts = float("inf") if consent.expires_at is None else consent.expires_at
    return consent.at, consent.status == "denied", -lasts
