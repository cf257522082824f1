"""What a customer said: recommendation score, ratings, open tickets, and the mood of it all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from features.instants import DAY_MS, moment
from serving.profile.past import Past, number
from serving.profile.section import section

MOOD_DAYS = 365
"""Ratings and scores older than this no longer say how somebody feels."""

LOW_RATING, GOOD_RATING = 2, 4
"""Stars from which down a review is a complaint, and from which up it is praise."""

DETRACTOR, PROMOTER = 6, 9
"""Reichheld's bounds: up to 6 a detractor, from 9 a promoter."""

TICKETS = 10
"""Open tickets that are shown."""

SURVEY, REVIEW, TICKET = "Survey Answered", "Product Reviewed", "Ticket Opened"

Mood = Literal["positive", "neutral", "negative"]


@section
class Score:
    """The last answer to: would you recommend us?"""

    score: int
    """0 to 10."""
    group: Literal["promoter", "passive", "detractor"]
    at: datetime
    answers: int
    """How often the customer was asked and answered."""


@section
class Ratings:
    """The customer's reviews."""

    reviews: int
    mean: float | None
    """Mean stars of the last year, 1 to 5."""
    last: float | None
    """Stars of the last review."""
    last_at: datetime
    last_low: bool
    """Whether the last review gave one or two stars."""
    last_product_id: str | None
    last_title: str | None


@section
class Ticket:
    """A support ticket that is not resolved."""

    opened_at: datetime
    product_id: str | None
    title: str | None


@section
class Voice:
    """What the customer told the shop."""

    nps: Score | None
    ratings: Ratings | None
    open_tickets: int
    """Opened, less resolved."""
    tickets: tuple[Ticket, ...]
    """The open ones, newest first, at most 10; each resolution is taken to close the oldest."""
    sentiment: Mood | None
    """Negative while a ticket is open. Else the later of the last rating and the last answer
    within a year decides: four stars or a 9 are positive, two stars or a 6 negative, what lies
    between is neutral. Null when the customer has said nothing. No text is read."""
    sentiment_because: str | None
    """What decided."""


def voice(past: Past, features: Mapping[str, float | None]) -> Voice:
    """What was said; counts and means are those of the declared features."""
    waiting = int(features["experience_open_tickets"] or 0)
    nps, ratings = _score(past), _ratings(past, features)
    mood, because = _mood(past, nps, ratings, waiting)
    opened = past.of(TICKET)
    return Voice(
        nps=nps,
        ratings=ratings,
        open_tickets=waiting,
        tickets=tuple(
            Ticket(moment(int(past.rows.at[row])), *(past.product(row) or (None, None)))
            for row in opened[::-1][: min(waiting, TICKETS)].tolist()
        ),
        sentiment=mood,
        sentiment_because=because,
    )


def _score(past: Past) -> Score | None:
    row = past.last(SURVEY)
    score = None if row is None else number(past.rows.value[row])
    if row is None or score is None:
        return None
    group: Literal["promoter", "passive", "detractor"] = "passive"
    if score <= DETRACTOR:
        group = "detractor"
    elif score >= PROMOTER:
        group = "promoter"
    return Score(int(score), group, moment(int(past.rows.at[row])), past.count(SURVEY))


def _ratings(past: Past, features: Mapping[str, float | None]) -> Ratings | None:
    row = past.last(REVIEW)
    if row is None:
        return None
    last = number(past.rows.value[row])
    return Ratings(
        past.count(REVIEW),
        number(features["experience_rating_mean_365d"]),
        last,
        moment(int(past.rows.at[row])),
        last is not None and last <= LOW_RATING,
        *(past.product(row) or (None, None)),
    )


def _mood(
    past: Past, nps: Score | None, ratings: Ratings | None, waiting: int
) -> tuple[Mood | None, str | None]:
    if waiting:
        return "negative", "an open ticket" if waiting == 1 else f"{waiting} open tickets"
    oldest = moment(past.at - MOOD_DAYS * DAY_MS)
    said: list[tuple[datetime, int, str]] = []
    if nps is not None:
        good = (nps.score >= PROMOTER) - (nps.score <= DETRACTOR)
        said.append((nps.at, good, f"would recommend us: {nps.score} of 10"))
    if ratings is not None and ratings.last is not None:
        good = (ratings.last >= GOOD_RATING) - (ratings.last <= LOW_RATING)
        said.append((ratings.last_at, good, f"the last review: {ratings.last:g} of 5 stars"))
    recent = [entry for entry in said if entry[0] >= oldest]
    if not recent:
        return None, None
    # of two at the same instant the worse counts
    _, good, because = max(recent, key=lambda entry: (entry[0], -entry[1]))
    moods: dict[int, Mood] = {1: "positive", 0: "neutral", -1: "negative"}
    return moods[good], because
