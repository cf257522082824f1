"""One persona: its key, its name, and what sets its customers apart."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Persona:
    """A group of customers."""

    key: str
    """Stays with the group over trainings: p1, p2, …; never given to another."""
    name: str
    description: str
    """One sentence: what sets these customers apart, with figures."""
    share: float
    """Of the customers trained on."""
    apart: dict[str, float]
    """By feature, how many standard deviations their mean lies from everybody's."""
    figures: dict[str, float]
    """By feature, their median, or their mean where most customers have none; without the
    features of which nothing is known."""
