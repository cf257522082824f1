"""What goes into the store and comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.catalog import Product
from features.consents import Consent
from features.events.event import Event
from features.timeline import Timeline

Version = tuple[tuple[int, int], ...]
"""Of what is known about a customer: two equal versions are the same knowledge."""


@dataclass(frozen=True)
class Timer:
    """A look at a customer that a trigger asks for at a later instant."""

    trigger: str
    started_at: int
    due_at: int


@dataclass(frozen=True)
class Due:
    """A timer that is due and that the caller has claimed until `claimed_until`."""

    trigger: str
    customer_id: str
    person: int
    started_at: int
    due_at: int
    claimed_until: int


@dataclass(frozen=True)
class Incoming:
    """An event and what follows from it, stored in one transaction."""

    event: Event
    consents: tuple[Consent, ...] = ()
    timers: tuple[Timer, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A message that broke the event schema, kept aside with the reason."""

    message_id: str
    received_at: int
    column: str
    reason: str
    message: str
    """The message's outline as JSON text, at most a few kilobytes; see `serving.outline`."""
    sequence: int = field(default=0, compare=False)
    """Its place in the quarantine; given by the store."""


@dataclass(frozen=True)
class StoredEvent:
    """An event the store took in, and its place in the order of storing."""

    sequence: int
    event: Event


@dataclass(frozen=True)
class ProductChange:
    """What a feed says of a product; None leaves what is known."""

    product_id: str
    parent_id: str | None = None
    title: str | None = None
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    attributes: Mapping[str, Any] | None = None
    available: bool | None = None


@dataclass(frozen=True)
class FedProduct:
    """A product that a feed told of, and the number of the last feed that did."""

    fed: int
    product: Product


@dataclass(frozen=True)
class StoredAnswer:
    """What a request with an idempotency key was answered."""

    request_hash: str
    """Of the request's content: the same key with another content is a mistake."""
    status: int
    body: bytes
    at: int


@dataclass(frozen=True)
class Key:
    """A key as it is kept: enough to recognise it, not enough to make it."""

    key_id: str
    """How it is spoken of; the beginning of its hash."""
    name: str
    """Whose it is; the source of the events that are sent with it."""
    scopes: tuple[str, ...]
    hash: bytes = field(repr=False)
    """SHA-256 of the key."""
    created_at: int
    ends_at: int | None = None
    """From this instant on it opens nothing; None: until it is revoked."""


@dataclass(frozen=True)
class Access:
    """Somebody asked about a customer."""

    at: int
    key_name: str
    scopes: tuple[str, ...]
    """The key's."""
    method: str
    endpoint: str
    """The route, without what was asked for."""
    customer_id: str | None
    """As it was asked for; None for a list over all customers."""
    sequence: int = field(default=0, compare=False)
    """Its place in the log; given by the store."""


@dataclass(frozen=True)
class Score:
    """A churn probability that was answered, kept until the horizon shows how right it was."""

    customer_id: str
    """The identifier that led the person then."""
    version: str
    at: int
    """Nothing from this instant on was looked at; the horizon begins with it."""
    horizon_days: int
    probability: float
    """P(no order in the horizon)."""
    sequence: int = field(default=0, compare=False)
    """Its place in the order of storing; given by the store."""


@dataclass(frozen=True)
class KeptRule:
    """A rule of the shelf as it is kept; what it means is not the store's to know."""

    name: str
    rule: Mapping[str, Any]
    """As JSON has it."""
    changed_at: int
    changed_by: str
    """The name of the key that it came with."""
    change: int = field(default=0, compare=False)
    """The number of its last change, of all changes of all rules; given by the store."""


@dataclass(frozen=True)
class Impression:
    """One list that was answered, kept so that another way of choosing can be judged by it."""

    recommendation_id: str
    customer_id: str | None
    """The identifier that led the person then; None of strangers, and of whom nothing may be
    remembered."""
    at: int
    placement: str
    version: str | None
    items: tuple[tuple[str, float, float], ...]
    """Product id, score and the probability with which it was shown; the first at the top."""
    sequence: int = field(default=0, compare=False)
    """Its place in the order of storing; given by the store."""


@dataclass(frozen=True)
class Told:
    """What all workers are told of by number: what is no later is known already."""

    fed: int = 0
    """The last product feed."""
    ruled: int = 0
    """The last change of a rule of the shelf."""


@dataclass(frozen=True)
class Appended:
    """What became of a batch."""

    accepted: int
    duplicates: int
    quarantined: int
    erased: int = 0
    """Events of before an erasure, which were dropped."""


@dataclass(frozen=True)
class Person:
    """What the store knows of one customer, at one moment."""

    customer_id: str
    """The id the customer is known under now, whichever of theirs was asked for."""
    identifiers: tuple[str, ...]
    """All customer ids that lead here, the leading one first."""
    timeline: Timeline
    """Products are numbered by the store's dictionary."""
    version: Version
    oldest: str = field(default="", compare=False)
    """The identifier that was known first: whose experiment arms the person has, so that a merge
    keeps the older's and taking it back gives each their own."""
    told: Told = field(default=Told(), compare=False)
    """The last product feed, and the last change of a rule, at that moment."""


@dataclass(frozen=True)
class Decision:
    """Something that was shown, sent or withheld, and why."""

    decision_id: str
    kind: str
    customer_id: str
    """The identifier that it was made for: it counts for whoever that leads to, merged or not."""
    at: int
    action: str
    reason: str
    """In words that may be read to the customer."""
    channel: str | None
    model_version: str | None
    inputs_at: int
    """Nothing later than this instant was looked at."""
    probability: float
    """With which the action was chosen; 1.0 where no chance was involved."""
    arm: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HistoryPerson:
    """One customer's timeline up to the store's beginning, products in the store's numbers."""

    customer_id: str
    rows: bytes


@dataclass(frozen=True)
class Receipt:
    """That somebody was erased, and what of; nothing in it says who that was."""

    erasure_id: str
    at: int
    until: int
    """Events that happened, or arrived, by this instant are not taken again."""
    applied_at: int
    """When this store did it: later than `at` where a backup was restored since."""
    who: str
    """Who asked for it here: an officer, not the person."""
    why: str
    removed: Mapping[str, int]
    """Rows that are gone, by table."""
    dropped: int = 0
    """Events of before that came again since, and were not taken."""
    sequence: int = field(default=0, compare=False)
    """Its place among the receipts; given by the store."""
