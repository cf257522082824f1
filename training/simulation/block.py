"""One block of people with everything that is known about them while their events are written."""

from dataclasses import dataclass

import numpy as np

from training.simulation.orders import Orders
from training.simulation.people import People
from training.simulation.table import Events
from training.simulation.visits import Visits
from training.simulation.world import World


@dataclass(frozen=True)
class Block:
    """What every writer of events reads, the table they write to, and the random numbers."""

    world: World
    people: People
    orders: Orders
    visits: Visits
    events: Events
    rng: np.random.Generator
