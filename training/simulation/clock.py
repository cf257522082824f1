"""When people shop: the year's rhythm of the whole shop, and the hours of the day."""

import numpy as np

from training.simulation.arrays import DAY, FAR, HOUR, Floats, Ints
from training.simulation.people import People

STRENGTH = 0.25
"""The week before Christmas sells this much more than the mean of the year, July less."""

PEAK_DAY = 345


class Clock:
    """Turns the even time of a person's own rhythm into the shop's uneven year and back."""

    def __init__(self, start_at: int, end_at: int) -> None:
        self.days = np.arange(start_at - DAY, end_at + 2 * DAY, DAY)
        busy = 1 + STRENGTH * np.cos(2 * np.pi * (self.days / DAY % 365.25 - PEAK_DAY) / 365.25)
        self.elapsed = DAY * (np.cumsum(busy) - busy)

    def after(self, at: Floats, gap: Floats) -> Floats:
        """The instants that come `gap` (ms of even time) after `at`; `FAR` beyond the end."""
        even = np.interp(at, self.days, self.elapsed) + gap
        later: Floats = np.interp(even, self.elapsed, self.days, right=FAR)
        return later


def at_hour(people: People, who: Ints, at: Floats, rng: np.random.Generator) -> Floats:
    """The same days, at the hours at which these people shop."""
    hour = np.clip(people.hour[who] + rng.normal(0, 1.5, len(who)), 0, 23.9)
    moved: Floats = np.floor(at / DAY) * DAY + hour * HOUR
    return moved
