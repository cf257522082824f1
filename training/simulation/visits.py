"""Sessions on the web site and in the app: when, for which order, and whether logged in."""

from dataclasses import dataclass

import numpy as np

from training.simulation.arrays import DAY, FAR, HOUR, MINUTE, Flags, Floats, Ints
from training.simulation.clock import at_hour
from training.simulation.orders import Orders
from training.simulation.people import APP, WEB, People
from training.simulation.world import World

RESUMED = 0.08
"""Share of the orders whose checkout was left once and finished within 36 hours."""

LOGS_IN = 0.4
"""Probability that a customer logs in on a device during a visit without an order."""

LOGGED_OUT = 0.2
"""Share of the later visits to the web site that are not logged in."""

FADING = 0.85
"""Share of the visits that are lost by the day on which a customer leaves."""

FADES = 25 * DAY
"""Time constant of that loss: interest goes before the customer does."""


@dataclass(frozen=True)
class Visits:
    """Sessions of a block; each array has a row per session."""

    person: Ints
    at: Floats
    until: Floats
    """End of the browsing; for a session with an order its checkout starts here."""
    channel: Ints
    order: Ints
    """The order it ends in; -1 for none."""
    logged_out: Flags
    login_at: Floats
    """Per person, shape (people, 2): when the browser and the phone became known."""

    def anonymous(self, visit: Ints, at: Floats) -> Flags:
        """Which events of these visits, at these instants, name only the device."""
        device = (self.channel[visit] == APP).astype(np.int64)
        before: Flags = at < self.login_at[self.person[visit], device]
        return before | self.logged_out[visit]


def visits(world: World, people: People, orders: Orders, rng: np.random.Generator) -> Visits:
    """All sessions of a block of people."""
    online = np.flatnonzero((orders.channel == WEB) | (orders.channel == APP))
    n = len(online)
    before = np.where(
        rng.random(n) < RESUMED,
        rng.uniform(20 * MINUTE, 36 * HOUR, n),
        MINUTE * rng.uniform(3, 6, n),
    )
    checkout = orders.at[online] - before
    person, at = _browsing(world, people, orders, rng)
    app = people.channels[:, 1] - people.channels[:, 0]
    on_app = rng.random(len(person)) < (app / people.channels[:, 1])[person]

    person = np.r_[orders.person[online], person]
    at = np.r_[checkout - MINUTE * rng.uniform(6, 20, n), at]
    until = np.r_[checkout, at[n:] + MINUTE * rng.uniform(3, 15, len(at) - n)]
    channel = np.r_[orders.channel[online], np.where(on_app, APP, WEB)]
    order = np.r_[online, np.full(len(at) - n, -1)]

    login_at = np.full((len(people), 2), FAR)
    logs_in = (order >= 0) | (at >= people.joined_at[person]) & (rng.random(len(at)) < LOGS_IN)
    logs_in &= people.customer[person]
    login = np.where(order >= 0, until + 40_000, at + 30_000)
    np.minimum.at(
        login_at, (person[logs_in], (channel[logs_in] == APP).astype(np.int64)), login[logs_in]
    )
    logged_out = (order < 0) & (channel == WEB) & (rng.random(len(at)) < LOGGED_OUT)
    return Visits(person, at, until, channel, order, logged_out & ~logs_in, login_at)


def _browsing(
    world: World, people: People, orders: Orders, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Visits without an order: of prospects, of customers, of strangers."""
    everyone = np.arange(len(people))
    until = np.minimum(orders.left_at, world.end_at)
    days = np.maximum(until - people.joined_at, 0) / DAY
    often = people.customer * people.browsing * people.rate * days
    customer = np.repeat(everyone, rng.poisson(often))
    at = people.joined_at[customer] + DAY * days[customer] * rng.random(len(customer))
    left = orders.left_at[customer]
    stays = rng.random(len(customer)) > FADING * np.exp(np.minimum(at - left, 0) / FADES)
    customer, at = customer[stays], at_hour(people, customer, at, rng)[stays]
    inside = (at > people.joined_at[customer]) & (at < until[customer])
    customer, at = customer[inside], at[inside]

    prospect = np.repeat(everyone, people.customer * rng.poisson(0.9, len(people)))
    early = people.joined_at[prospect] - HOUR - rng.exponential(6 * DAY, len(prospect))
    stranger = np.repeat(everyone, ~people.customer * (1 + rng.poisson(0.6, len(people))))
    later = people.joined_at[stranger] + rng.exponential(8 * DAY, len(stranger))
    return np.r_[customer, prospect, stranger], np.r_[at, early, later]
