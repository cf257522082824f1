"""What the shop decides about consent: its legal bases, and what a banner's categories mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from features.consents.statement import (
    ALL_CHANNELS,
    LOCATION,
    MARKETING,
    PERSONALISATION,
    PROFILING,
    SERVICE,
)
from features.errors import InputError, shown
from features.events.schema import schema
from features.settings import Basis, Settings

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "Advertising": (MARKETING,),
    "Marketing": (MARKETING,),
    "Targeting": (MARKETING,),
    "Functional": (PERSONALISATION,),
    "Functionality": (PERSONALISATION,),
    "Preferences": (PERSONALISATION,),
    "Personalisation": (PERSONALISATION,),
    "Personalization": (PERSONALISATION,),
    "Analytics": (PROFILING,),
    "Statistics": (PROFILING,),
    "Performance": (PROFILING,),
    "Profiling": (PROFILING,),
    "Location": (LOCATION,),
    "Geolocation": (LOCATION,),
    "DataSharing": (),
    "SocialMedia": (),
    "Essential": (),
    "Necessary": (),
    "StrictlyNecessary": (),
    "C0001": (),
    "C0002": (PROFILING,),
    "C0003": (PERSONALISATION,),
    "C0004": (MARKETING,),
    "C0005": (),
}
"""Purposes of the usual categories of consent banners, OneTrust's numbers among them.

What is necessary needs no consent, and nothing here shares data with others: these say nothing.
"""

_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class Grant:
    """What a category speaks about; without a channel it is the event's, see `of_category`."""

    purpose: str
    channel: str | None = None


class ConsentRules:
    """The shop's rules.

    Arguments:
        personalisation: the legal basis of personalising.
        profiling: the legal basis of scoring people and of learning from them.
        categories: purposes by category, over the usual ones; each `purpose` or
            `purpose:channel`.

    Raises:
        InputError: a category names a purpose or a channel that does not exist.
    """

    def __init__(
        self,
        personalisation: Basis = "legitimate_interests",
        profiling: Basis = "legitimate_interests",
        categories: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._bases = {PERSONALISATION: personalisation, PROFILING: profiling}
        self._categories = {
            _key(category): tuple(_grant(category, text) for text in listed)
            for category, listed in {**CATEGORIES, **(categories or {})}.items()
        }

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules that the settings state.

        Raises:
            InputError: a category names a purpose or a channel that does not exist.
        """
        return cls(
            settings.personalisation_basis, settings.profiling_basis, settings.consent_categories
        )

    def unsaid(self, purpose: str) -> bool:
        """Whether a purpose is allowed of whom nobody ever asked.

        Service messages are: the contract needs them. Marketing and location are not.
        """
        if purpose == SERVICE:
            return True
        return self._bases.get(purpose, "consent") != "consent"

    def basis(self, purpose: str) -> str:
        """The legal basis of a purpose, in words."""
        if purpose == SERVICE:
            return "contract"
        return self._bases.get(purpose, "consent").replace("_", " ")

    def of_category(self, category: str) -> tuple[Grant, ...]:
        """What a banner's category speaks about; nothing when nobody told what it means."""
        return self._categories.get(_key(category), ())


def _key(category: str) -> str:
    return _SEPARATORS.sub("", category).casefold()


def _grant(category: str, text: str) -> Grant:
    purpose, _, channel = text.partition(":")
    known = schema().properties
    said = known["purpose"].canonical(purpose.strip())
    of_channel = known["consent_channel"].canonical(channel.strip()) if channel else None
    if said is None or (channel and of_channel is None):
        raise InputError(
            f"REGULARS_CONSENT_CATEGORIES, {shown(category)}: {shown(text)}; write a purpose "
            f"({', '.join(known['purpose'].values)}), or purpose:channel with one of "
            f"{', '.join(known['consent_channel'].values)}"
        )
    return Grant(said, of_channel)


def channel_of(grant: Grant, event_channel: str) -> str:
    """The channel that a category's statement is about.

    A banner asks for the site or the app that shows it: its marketing is no newsletter. What is
    no message has no channel.
    """
    if grant.channel is not None:
        return grant.channel
    return event_channel if grant.purpose in (SERVICE, MARKETING) else ALL_CHANNELS
