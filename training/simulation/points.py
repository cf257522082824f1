"""The loyalty programme: points per order, redeemed now and then, lost after half a year.

A point is worth a cent. Points expire when 180 days pass without an order; the member is told
30 days before.
"""

import numpy as np

from training.simulation.arrays import DAY, Flags, Floats, Ints

PER_EURO = 5
LEAST = 300
"""Fewest points that can be redeemed."""

LIFE = 180 * DAY
NOTICE = 30 * DAY


class Account:
    """The balances of a block of people, and what expired; arrays have a row per person."""

    def __init__(self, member: Flags) -> None:
        self.member = member
        self.balance = np.zeros(len(member), np.int64)
        self.last = np.full(len(member), np.inf)
        self._notices: list[tuple[Ints, Floats, Ints]] = []
        self._losses: list[tuple[Ints, Floats, Ints]] = []

    def settle(
        self, who: Ints, at: Floats, owed: Ints, rng: np.random.Generator
    ) -> tuple[Ints, Ints]:
        """Points redeemed and earned by these people's orders, of which `owed` cents remain."""
        self._expire(who, at)
        redeems = (self.balance[who] >= LEAST) & (rng.random(len(who)) < 0.4)
        redeemed = np.where(redeems, np.minimum(self.balance[who], owed * 3 // 10), 0)
        earned = np.where(self.member[who], (owed - redeemed) * PER_EURO // 100, 0)
        self.balance[who] += earned - redeemed
        self.last[who] = at
        return redeemed, earned

    def close(self, last: Floats, end_at: int) -> None:
        """What expires between each person's `last` order and the end."""
        who = np.flatnonzero(last + LIFE - NOTICE < end_at)
        self._expire(who, np.full(len(who), float(end_at)))

    @property
    def notices(self) -> tuple[Ints, Floats, Ints]:
        """Points Expiring: person, instant, points; they expire `NOTICE` later."""
        return _joined(self._notices)

    @property
    def losses(self) -> tuple[Ints, Floats, Ints]:
        """Points Expired: person, instant, points."""
        return _joined(self._losses)

    def _expire(self, who: Ints, until: Floats) -> None:
        expiry = self.last[who] + LIFE
        held = self.balance[who] > 0
        told = held & (expiry - NOTICE < until)
        self._notices.append((who[told], expiry[told] - NOTICE, self.balance[who[told]]))
        lost = held & (expiry < until)
        self._losses.append((who[lost], expiry[lost], self.balance[who[lost]]))
        self.balance[who[lost]] = 0


def _joined(parts: list[tuple[Ints, Floats, Ints]]) -> tuple[Ints, Floats, Ints]:
    person, at, points = zip(*parts, strict=True)
    return np.concatenate(person), np.concatenate(at), np.concatenate(points)
