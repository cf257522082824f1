"""Who comes to the shop: hidden traits of customers, and of visitors who stay strangers."""

from dataclasses import dataclass

import numpy as np

from training.simulation.arrays import DAY, HOUR, Flags, Floats, Ints
from training.simulation.assortment import TASTES
from training.simulation.vocabulary import COUNTRIES
from training.simulation.world import World

FAVOURITES = 4
"""Categories a person mostly buys from."""

SHARED = 0.01
"""Share of the customers who use the browser of another one."""

FIRST_VISITOR = 2**31
"""Visitors are numbered from here, customers from 0."""

WEB, APP, EMAIL, STORE, PUSH, CHAT = 1, 2, 3, 4, 5, 7
"""Channel codes of the event schema."""

ORDER_CHANNELS = np.array([WEB, APP, STORE])


@dataclass(frozen=True)
class People:
    """One block of people, customers first; each array has a row per person."""

    number: Ints
    """The customer's number, or a visitor's from `FIRST_VISITOR`."""
    customer: Flags
    browser: Ints
    """The number of the person's browser; a few customers share one."""
    joined_at: Floats
    """The first order of a customer; the first visit of a stranger."""
    rate: Floats
    """Orders a day while a customer, refills and complements not counted."""
    regularity: Floats
    """Shape of the gamma-distributed gaps: 1 is at random, more is by the clock."""
    leaving: Floats
    """Probability of leaving after an order that went well."""
    drifting_at: Floats
    """When the customer would leave without any cause."""
    basket: Floats
    """Mean number of products in a basket beyond the first."""
    sensitivity: Floats
    """To prices, 0 to 1."""
    favourites: Ints
    """Category indices, shape (people, FAVOURITES)."""
    favourite_weight: Floats
    """Cumulative shares of the favourites, shape (people, FAVOURITES)."""
    taste: Floats
    """In the space of brands, shape (people, TASTES)."""
    channels: Floats
    """Cumulative shares of web, app and store, shape (people, 3)."""
    hour: Floats
    """The hour of the day at which the person shops."""
    email_interest: Floats
    """Probability of opening an e-mail while a customer."""
    browsing: Floats
    """Sessions without an order for each of the regular orders."""
    size: Ints
    """Which variant the person takes."""
    member: Flags
    """Takes part in the loyalty programme."""
    country: Ints

    def __len__(self) -> int:
        return len(self.number)

    def device(self, person: Ints, channel: Ints | int) -> Ints:
        """The number of the browser or, on the app, of the phone."""
        phone = self.number[person] * 2 + 1
        return np.where(np.asarray(channel) == APP, phone, self.browser[person])


def people(
    world: World, first: int, customers: int, visitors: range, rng: np.random.Generator
) -> People:
    """A block of people.

    Arguments:
        world: the shop they come to.
        first: number of the first customer of the block.
        customers: how many.
        visitors: numbers of the strangers, without `FIRST_VISITOR`.
        rng: the block's own generator.

    Purchase rates are gamma-distributed over people (Ehrenberg 1959) and leaving after an
    order beta-distributed, as in the BG/NBD model (Fader, Hardie & Lee 2005).
    """
    n = customers + len(visitors)
    customer = np.arange(n) < customers
    span = world.end_at - world.start_at
    hour = np.clip(rng.normal(15.5, 3.5, n), 8, 21)
    # Growth is slow: half of the customers are there after 45 % of the period.
    day = np.floor((3 * DAY + (span - 4 * DAY) * rng.random(n) ** 1.15) / DAY)
    joined = world.start_at + day * DAY + hour * HOUR + HOUR * rng.uniform(-0.5, 0.5, n)

    popularity = np.cumsum(world.category_weight)
    favourites = np.searchsorted(popularity, rng.random((n, FAVOURITES)) * popularity[-1])
    channels = rng.gamma(np.array([1.6, 0.7, 0.8]), size=(n, 3)) + 1e-9
    channels[:, 1] *= rng.random(n) < 0.5
    channels[~customer] = [1.0, 0.0, 0.0]
    number = np.r_[np.arange(first, first + customers), FIRST_VISITOR + np.asarray(visitors)]
    owner = np.where(customer & (rng.random(n) < SHARED), np.arange(n) - 1, np.arange(n))
    return People(
        number=number,
        browser=number[np.maximum(owner, 0)] * 2,
        customer=customer,
        joined_at=joined,
        rate=np.clip(rng.gamma(0.9, 6.0 / 0.9, n), 0.2, 40) / 365,
        regularity=rng.uniform(1.0, 5.0, n),
        leaving=rng.beta(0.9, 2.8, n),
        drifting_at=joined + HOUR + DAY * rng.exponential(700, n),
        basket=rng.gamma(1.5, 0.6, n),
        sensitivity=rng.beta(2, 2, n),
        favourites=np.minimum(favourites, len(popularity) - 1),
        favourite_weight=np.cumsum(rng.dirichlet(np.full(FAVOURITES, 1.2), n), axis=1),
        taste=rng.normal(0, 1, (n, TASTES)),
        channels=np.cumsum(channels, axis=1),
        hour=hour,
        email_interest=rng.beta(2, 3.5, n),
        browsing=rng.gamma(1.2, 1.0, n),
        size=rng.integers(0, 12, n),
        member=customer & (rng.random(n) < 0.55),
        country=rng.choice(len(COUNTRIES), n, p=[0.4, 0.2, 0.15, 0.1, 0.1, 0.05]),
    )
