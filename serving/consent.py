"""Where a customer stands, purpose by purpose and channel by channel."""

from collections.abc import Mapping, Sequence

from features.consents import ALL_CHANNELS, Consent, ConsentRules, Standing, standing
from features.events.schema import schema


def purposes() -> tuple[str, ...]:
    """What there is to consent to."""
    return schema().properties["purpose"].values


def standings(
    consents: Sequence[Consent], rules: ConsentRules, at: int
) -> Mapping[str, Mapping[str, Standing]]:
    """What holds at an instant, by purpose and channel.

    For all channels (where none is said), and for each that a statement names.
    """
    out = {}
    for purpose in purposes():
        named = sorted({c.channel for c in consents if c.purpose == purpose} - {ALL_CHANNELS})
        out[purpose] = {
            channel: standing(consents, rules, purpose, channel, at=at)
            for channel in (ALL_CHANNELS, *named)
        }
    return out
