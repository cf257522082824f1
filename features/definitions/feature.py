"""What a feature is: data that says which events, which number, which aggregation, which window."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from enum import IntEnum

from features.errors import InputError, shown
from features.events.schema import schema

SEMANTICS = 1
"""Raised when the meaning of an aggregation changes: every hash then changes with it."""

KEY_LIMIT = 64
"""Distinct and top features tell this many keys apart, the most recent ones; later ones
are counted in the total only. It bounds the scratch memory of one evaluation."""

SESSION_GAP_MS = 30 * 60 * 1000
"""Half an hour of silence ends a session, as in Google Analytics and Segment."""


class Aggregation(IntEnum):
    """How rows become one number. Undefined results are NaN, counts and sums of nothing 0."""

    COUNT = 0
    """Rows, less the rows of `minus`."""
    OPEN = 1
    """As COUNT, but never below 0: what was opened and not closed."""
    SUM = 2
    """Sum of the number, less that of `minus`."""
    MEAN = 3
    MIN = 4
    MAX = 5
    LAST = 6
    FIRST = 7
    DAYS_SINCE_LAST = 8
    DAYS_SINCE_FIRST = 9
    GAP_MEAN = 10
    """Mean days between consecutive days (UTC) that have such a row."""
    GAP_SD = 11
    """Standard deviation of those gaps; NaN below two gaps."""
    GAP_LAST = 12
    """The latest of those gaps."""
    DISTINCT = 13
    """Different keys, at most KEY_LIMIT."""
    TOP = 14
    """The key with the most rows (or, by `rank`, the second, third most), the more recent one
    on a tie."""
    TOP_SHARE = 15
    """That key's share of the rows that have a key."""
    SESSIONS = 16
    """Groups of rows with less than SESSION_GAP_MS between neighbours."""
    HOPS = 17
    """How often the number differs from that of the row before."""
    DAYS_UNTIL = 18
    """Days to the nearest future instant, `at` plus the number in days."""
    RATIO = 19
    """`scale` × first of `of` / second of `of`, at most `most`; NaN where the second is 0 or
    undefined."""


class Number(IntEnum):
    """Which number of a row an aggregation reads."""

    ONE = 0
    VALUE = 1
    QUANTITY = 2
    MEASURE = 3
    PRICE_LEVEL = 4
    """Price of one over the median price of its category, as of the reference."""
    PRODUCT = 5
    """Catalogue index of the parent product."""
    CATEGORY = 6
    BRAND = 7
    CHANNEL = 8


_UNNAMED = (Aggregation.COUNT, Aggregation.SUM, Aggregation.OPEN, Aggregation.RATIO)
_WITHOUT_WINDOW = (
    Aggregation.LAST,
    Aggregation.FIRST,
    Aggregation.DAYS_SINCE_LAST,
    Aggregation.DAYS_SINCE_FIRST,
    Aggregation.DAYS_UNTIL,
    Aggregation.OPEN,
    Aggregation.RATIO,
    Aggregation.GAP_LAST,
)


@dataclass(frozen=True)
class Feature:
    """One feature of a timeline at an instant.

    >>> Feature("purchase", "orders", ("Order Completed",), window=30,
    ...         unit="orders", meaning="Orders in the last 30 days").name
    'purchase_orders_30d'
    """

    family: str
    subject: str
    """The noun that the name is built from: orders, spend, views."""
    events: tuple[str, ...] = ()
    """Names of event types in the schema, and of the rows that orders become."""
    aggregation: Aggregation = Aggregation.COUNT
    number: Number = Number.ONE
    window: int | None = None
    """Days before the instant; None is the whole life."""
    after: int = 0
    """Only rows at least this many days old; with `window` it makes a season of last year."""
    minus: tuple[str, ...] = ()
    """Event types that count negatively (COUNT, OPEN, SUM)."""
    channels: tuple[str, ...] = ()
    """Only rows of these channels; all when empty."""
    between: tuple[float, float] | None = None
    """Only rows whose `value` lies in this closed interval."""
    rank: int = 1
    """TOP, TOP_SHARE: 2 is the key with the second most rows."""
    of: tuple[str, str] | None = None
    """RATIO: the names of two features that stand earlier in the list."""
    scale: float = 1.0
    most: float = math.inf
    """RATIO: a share is at most 1, whatever was sent."""
    unit: str = ""
    meaning: str = ""
    """In words that a marketer reads, without the figure: "Orders in the last 30 days"."""

    def __post_init__(self) -> None:
        for name in self.events + self.minus:
            schema().code(name)
        for channel in self.channels:
            if channel not in schema().channels:
                raise InputError(f"{self.name}: no channel is called {shown(channel)}")
        if (self.aggregation is Aggregation.RATIO) != (self.of is not None):
            raise InputError(f"{self.name}: RATIO and `of` go together")
        if self.window is not None and not 0 <= self.after < self.window:
            raise InputError(f"{self.name}: after = {self.after} must lie within the window")

    @property
    def name(self) -> str:
        """The name, computed from what the feature is."""
        parts = [self.family, self.subject]
        if self.aggregation not in _UNNAMED:
            parts.append(self.aggregation.name.lower())
        if self.rank > 1:
            parts.append(str(self.rank))
        if self.aggregation not in _WITHOUT_WINDOW:
            if self.after:
                parts.append(f"{self.after}d_to")
            parts.append("life" if self.window is None else f"{self.window}d")
        return "_".join(parts)

    @property
    def hash(self) -> str:
        """Twelve hex digits of everything that changes the number, codes rather than names."""
        fields = asdict(self)
        del fields["meaning"], fields["unit"]
        for key in ("events", "minus"):
            fields[key] = sorted(schema().code(name) for name in fields[key])
        fields["history"] = sorted(
            (code, schema().history(code)) for key in ("events", "minus") for code in fields[key]
        )
        if math.isinf(self.most):  # the hashes of features without it are older than it is
            del fields["most"]
        fields["semantics"] = (SEMANTICS, KEY_LIMIT, SESSION_GAP_MS)
        text = json.dumps(fields, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
