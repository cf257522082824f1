"""What must not be shown to a customer for what they did, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numba as nb
import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.events.schema import schema
from features.instants import DAY_MS
from features.timeline import Timeline, Timelines, visible
from models.next_product.shelf.refills import DUE_PART, Refills


class Why(IntEnum):
    """Why a product is not shown; of several reasons the lowest number is given."""

    UNAVAILABLE = 1
    """No variant of it can be bought, or it is not in the catalogue yet."""
    EXCLUDED = 2
    """The caller left it out."""
    RULE = 3
    """A rule of the shop leaves it out."""
    FILTER = 4
    """It does not pass the caller's filters."""
    AGE = 5
    """It has a `min_age`, and the customer is younger or of unknown age."""
    CONSENT = 6
    """It is `sensitive`, and the customer did not say yes to personalisation."""
    ANCHOR = 7
    """It is what the page is about, or in the cart or the order."""
    SUBSTITUTE = 8
    """It would replace what is in the cart, not go with it."""
    SUBSCRIBED = 9
    """It comes anyway. A subscription that is paused counts; one that is cancelled does not, if
    the cancellation names the product."""
    RETURNED = 10
    """The customer gave back all they had of it. A cancelled order is no return."""
    RATED_BADLY = 11
    """The customer's last review of it has two of five stars, or fewer."""
    DISMISSED = 12
    """The customer did not want to see it again, and has not bought it since."""
    BOUGHT = 13
    """The customer has it, and it is nothing that people buy again, or was bought just now."""

    @property
    def label(self) -> str:
        """As it stands in answers and placements: `rated_badly`."""
        return self.name.lower()


PERSONAL = (Why.SUBSCRIBED, Why.RETURNED, Why.RATED_BADLY, Why.DISMISSED, Why.BOUGHT)
"""The reasons that lie in what the customer did."""

_TYPES = (
    "Order Line",
    "Refund Line",
    "Order Cancelled",
    "Subscription Started",
    "Subscription Paused",
    "Subscription Cancelled",
    "Product Reviewed",
    "Recommendation Dismissed",
)
_LINE, _REFUND, _CANCELLED, _STARTED, _PAUSED, _ENDED, _REVIEW, _DISMISSED = (
    schema().code(name) for name in _TYPES
)
_CODES = np.array([schema().code(name) for name in _TYPES], np.uint8)
_STARS = schema().properties["rating"]
_BAD = (_STARS.minimum or 0.0) + ((_STARS.maximum or 0.0) - (_STARS.minimum or 0.0)) / 4
"""Two of five stars: the lowest quarter of the scale."""


@dataclass(frozen=True)
class Personal:
    """Products withheld from customers for what they did, customer after customer."""

    offsets: npt.NDArray[np.int64]
    """Those of customer `i` are `offsets[i]:offsets[i + 1]`."""
    products: npt.NDArray[np.int32]
    """Parents, rising within a customer."""
    reasons: npt.NDArray[np.int32]
    """A bit `1 << why` for each reason."""

    @classmethod
    def of_one(cls, timeline: Timeline, at: int, catalog: Catalog, refills: Refills) -> "Personal":
        """Of one customer, just before an instant.

        Arguments:
            timeline: the customer's.
            at: int64 ms UTC.
            catalog: the numbering of the products.
            refills: what people buy again, `extended` to the catalogue.
        """
        place = np.flatnonzero(_telling(timeline.type) & timeline.before(at))
        return cls._of(timeline, place, np.zeros(len(place), np.int64), 1, at, catalog, refills)

    @classmethod
    def of_many(
        cls,
        timelines: Timelines,
        customers: npt.NDArray[np.int64],
        at: int,
        catalog: Catalog,
        refills: Refills,
    ) -> "Personal":
        """Of customers (places in the timelines), just before one instant."""
        rows = timelines.rows
        owner, place = timelines.rows_of(customers)
        keep = _telling(rows.type[place])
        owner, place = owner[keep], place[keep]
        keep = visible(rows.at[place], rows.known_at[place], rows.known_until[place], at)
        return cls._of(rows, place[keep], owner[keep], len(customers), at, catalog, refills)

    @classmethod
    def _of(
        cls,
        rows: Timeline,
        place: npt.NDArray[np.int64],
        owner: npt.NDArray[np.int64],
        customers: int,
        at: int,
        catalog: Catalog,
        refills: Refills,
    ) -> "Personal":
        product = rows.product[place]
        parent = np.full(len(place), -1, np.int32)
        named = product >= 0
        parent[named] = catalog.parent[product[named]]
        key = np.where(named, owner * len(catalog) + parent, -1)
        found = _reasons(
            owner,
            rows.at[place],
            rows.type[place],
            parent,
            rows.quantity[place],
            rows.value[place],
            key,
            np.argsort(key, kind="stable"),
            len(catalog),
            at,
            refills.refill,
            refills.gap_ms,
            DUE_PART,
        )
        offsets = np.searchsorted(found[0], np.arange(customers + 1)).astype(np.int64)
        return cls(offsets, found[1], found[2])

    def part(self, customer: int) -> "Personal":
        """Of one of the customers."""
        mine = slice(int(self.offsets[customer]), int(self.offsets[customer + 1]))
        offsets = np.array([0, mine.stop - mine.start], np.int64)
        return Personal(offsets, self.products[mine], self.reasons[mine])

    def without(self, shows: Iterable[Why]) -> "Personal":
        """The same where some reasons do not count."""
        dropped = sum(1 << why for why in shows)
        reasons = (self.reasons & np.int32(~dropped)).astype(np.int32)
        some = reasons != 0
        ends = np.concatenate([[0], np.cumsum(some)]).astype(np.int64)
        return Personal(ends[self.offsets], self.products[some], reasons[some])


def first(reasons: int) -> Why:
    """Of several reasons, as bits, the one that is given."""
    return Why((reasons & -reasons).bit_length() - 1)


def _telling(types: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    listed = np.zeros(256, np.bool_)
    listed[_CODES] = True
    return listed[types]


_SUBSCRIBED_BIT, _RETURNED_BIT, _RATED_BIT, _DISMISSED_BIT, _BOUGHT_BIT = (
    np.int32(1 << why) for why in PERSONAL
)
_OWN_PURCHASES = 3
"""Days on which a customer bought a product from which on their own gap counts, if shorter."""


@nb.njit(cache=True)
def _reasons(owner, at, kind, product, quantity, value, key, order, n, now, refill, gaps, part):  # type: ignore[no-untyped-def]  # compiled
    """Goes through what happened to each product of each customer, in the order of time."""
    rows = len(owner)
    cancelled = np.zeros(rows, np.bool_)
    cancel = -1  # its lines stand behind it, at its instant
    for r in range(rows):
        if kind[r] == _CANCELLED:
            cancel = r
        cancelled[r] = cancel >= 0 and at[cancel] == at[r] and owner[cancel] == owner[r]
    out_owner = np.empty(rows, np.int64)
    out_product = np.empty(rows, np.int32)
    out_reasons = np.empty(rows, np.int32)
    count = 0
    r = 0
    while r < rows:
        here = key[order[r]]
        end = r
        while end < rows and key[order[end]] == here:
            end += 1
        if here < 0:
            r = end
            continue
        pieces, days = 0.0, 0
        bought_at, began_at = np.int64(-1), np.int64(-1)
        subscribed = returned = bad = dismissed = False
        for place in order[r:end]:
            what = kind[place]
            some = quantity[place] if quantity[place] > 0 else 1.0
            if what == _LINE:
                pieces += some
                if days == 0 or at[place] // DAY_MS != bought_at // DAY_MS:
                    days += 1
                began_at = at[place] if began_at < 0 else began_at
                bought_at = at[place]
                returned = dismissed = False
            elif what == _REFUND:
                pieces = max(pieces - some, 0.0)
                returned = pieces == 0 and not cancelled[place]
            elif what in (_STARTED, _PAUSED):
                subscribed = True
            elif what == _ENDED:
                subscribed = False
            elif what == _REVIEW:
                if value[place] == value[place]:
                    bad = value[place] <= _BAD
            elif what == _DISMISSED:
                dismissed = True
        p = product[order[r]]
        found = np.int32(0)
        if pieces > 0:
            gap = gaps[p]
            if days >= _OWN_PURCHASES:
                gap = min(gap, (bought_at - began_at) / (days - 1))
            if not (refill[p] or days > 1) or now < bought_at + part * gap:
                found |= _BOUGHT_BIT
        if subscribed:
            found |= _SUBSCRIBED_BIT
        if returned:
            found |= _RETURNED_BIT
        if bad:
            found |= _RATED_BIT
        if dismissed:
            found |= _DISMISSED_BIT
        if found:
            out_owner[count] = here // n
            out_product[count] = p
            out_reasons[count] = found
            count += 1
        r = end
    return out_owner[:count], out_product[:count], out_reasons[:count]
