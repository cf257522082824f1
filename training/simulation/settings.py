"""What to simulate, and what came of it."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from features.errors import InputError, shown
from features.instants import DAY_MS, instant, iso


@dataclass(frozen=True)
class SimulationSettings:
    """The size, the period and the seed of a simulated shop.

    Raises:
        InputError: a value is out of its bounds.
    """

    customers: int = 20_000
    """People with an account; enough for stable metrics, simulated in seconds."""

    products: int = 1_000
    """Rows of the catalogue, variants counted: about 800 different products, a mid-sized shop."""

    days: int = 540
    """Length of the history: a year that features of the same season last year can look back
    on, and half a year to train and to evaluate in."""

    end: date = date(2026, 6, 30)
    """When the tables were exported, in UTC (a datetime also serves); nothing happens or
    arrives later. Fixed, because a wall clock would make every run another shop."""

    seed: int = 0
    """The seed of every random choice; the same settings give the same bytes."""

    customers_per_part: int = 50_000
    """Customers in one part file, rounded up to whole blocks of random numbers. Part files of
    2 M events are comfortable for readers; the customers do not depend on it."""

    visitors_per_customer: float = 0.3
    """People who look around and never say who they are; few, since a log of mostly
    strangers would only make the demo slower."""

    currency: str = "EUR"
    """The shop's one currency."""

    def __post_init__(self) -> None:
        bounds: dict[str, tuple[float, float]] = {
            "customers": (1, 10_000_000),
            "products": (20, 1_000_000),
            "days": (60, 3_650),
            "seed": (0, 2**63),
            "customers_per_part": (1, 10_000_000),
            "visitors_per_customer": (0, 5),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} = {shown(value)}: choose {low:,} to {high:,}")
        if len(self.currency) != 3 or not self.currency.isupper():
            raise InputError(f"currency = {shown(self.currency)}: write an ISO 4217 code like EUR")

    @property
    def start_at(self) -> int:
        """The instant at which the shop opens."""
        return self.end_at - self.days * DAY_MS

    @property
    def end_at(self) -> int:
        """The instant at which the tables were exported."""
        return instant(self.end)

    def document(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return {**asdict(self), "end": iso(self.end_at)}


@dataclass(frozen=True)
class SimulationSummary:
    """Rows written per table."""

    customers: int
    visitors: int
    products: int
    complements: int
    orders: int
    lines: int
    events: int
