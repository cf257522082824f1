"""How long after it happened an event reaches the shop's tables."""

import numpy as np

from training.simulation.arrays import DAY, HOUR, MINUTE, Floats, Ints
from training.simulation.people import APP, EMAIL, PUSH, STORE

OFFLINE = 0.04
"""Share of the app's events that wait for a connection, 20 hours in the mean."""

DELAYED = 0.01
"""Share of the mail tool's events that come hours late."""

TILLS = 0.5
"""Share of the store's events that come with the nightly run at two o'clock UTC."""


def lateness(channel: Ints, at: Floats, rng: np.random.Generator) -> Floats:
    """The delay (ms) of events that happened on these channels at these instants."""
    n = len(at)
    late = rng.uniform(50, 1500, n)
    chance, wait = rng.random(n), rng.exponential(1, n)
    late = np.where((channel == APP) & (chance < OFFLINE), 20 * HOUR * wait, late)
    sent = (channel == EMAIL) | (channel == PUSH)
    late = np.where(sent, late + MINUTE * wait, late)
    late = np.where(sent & (chance < DELAYED), 10 * HOUR * wait, late)
    tonight = DAY - (at - 2 * HOUR) % DAY
    return np.where((channel == STORE) & (chance < TILLS), tonight, late)
