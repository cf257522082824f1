"""What people have at home and in mind: packs that run out, things to buy again or recall."""

import numpy as np

from training.simulation.arrays import DAY, FAR, Floats, Ints
from training.simulation.world import World

STOPPED = 0.07
"""Probability that a habit ends with a pack."""

SUBSCRIBED = 0.06
"""Probability that a habit becomes a subscription."""

SPREAD = 0.1
"""Standard deviation of the logarithm of how long a pack lasts."""

PACKS = 3
"""Habits a person can have at once."""

MEMORY = 6
"""Durable products a person may buy again."""


class Shelf:
    """What each person of a block has at home and in mind; arrays have a row per person."""

    def __init__(self, people: int) -> None:
        self.style = np.full((people, PACKS), -1, np.int64)
        self.due = np.full((people, PACKS), FAR)
        """When each pack is bought again."""
        self.subscription = np.full((people, PACKS), -1, np.int64)
        """Place in the list of subscriptions; -1 for none."""
        self.remembered = np.full(people, -1, np.int64)
        self.remembered_at = np.full(people, FAR)
        self.bought = np.full((people, MEMORY), -1, np.int64)
        self.subscribers: list[int] = []
        self.subscribed_styles: list[int] = []
        self.subscribed_at: list[float] = []
        self.cancelled_at: list[float] = []

    def close(self, left: Floats) -> None:
        """Subscriptions still running end when their holder leaves."""
        for place, person in enumerate(self.subscribers):
            self.cancelled_at[place] = min(self.cancelled_at[place], float(left[person]))

    def subscriptions(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Person, style, start and end (`FAR`: not yet) of every subscription."""
        return (
            np.array(self.subscribers, np.int64),
            np.array(self.subscribed_styles, np.int64),
            np.array(self.subscribed_at),
            np.array(self.cancelled_at),
        )

    def _subscribe(self, person: Ints, slot: Ints, style: Ints, at: Floats) -> None:
        for p, s, product, t in zip(
            person.tolist(), slot.tolist(), style.tolist(), at.tolist(), strict=True
        ):
            self.subscription[p, s] = len(self.subscribers)
            self.subscribers.append(p)
            self.subscribed_styles.append(product)
            self.subscribed_at.append(t)
            self.cancelled_at.append(FAR)

    def adopt(
        self, person: Ints, style: Ints, at: Floats, gap: Floats, rng: np.random.Generator
    ) -> None:
        """One new habit each for these people, where a place is free."""
        slot = np.argmax(self.style[person] < 0, axis=1)
        free = self.style[person, slot] < 0
        person, slot, style, at, gap = (a[free] for a in (person, slot, style, at, gap))
        self.style[person, slot] = style
        subscribes = rng.random(len(person)) < SUBSCRIBED
        noise = np.where(subscribes, 0.0, rng.normal(0, SPREAD, len(person)))
        self.due[person, slot] = at + gap * np.exp(noise)
        self._subscribe(person[subscribes], slot[subscribes], style[subscribes], at[subscribes])

    def renew(
        self, person: Ints, slot: Ints, at: Floats, world: World, rng: np.random.Generator
    ) -> None:
        """These packs were bought (or could not be); some habits end here."""
        style = self.style[person, slot]
        subscribed = self.subscription[person, slot] >= 0
        ends = (rng.random(len(person)) < STOPPED) | ~world.on_sale(style, at)
        noise = np.where(subscribed, 0.0, rng.normal(0, SPREAD, len(person)))
        self.due[person, slot] = np.where(ends, FAR, at + world.refill[style] * np.exp(noise))
        for p, s, t in zip(
            person[ends & subscribed].tolist(),
            slot[ends & subscribed].tolist(),
            at[ends & subscribed].tolist(),
            strict=True,
        ):
            self.cancelled_at[self.subscription[p, s]] = t + DAY
        self.style[person[ends], slot[ends]] = -1
        self.subscription[person[ends], slot[ends]] = -1
