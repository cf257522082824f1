"""Customers at past instants, with what they did afterwards: what models learn from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.compute import matrix
from features.consents import PROFILING
from features.definitions import FEATURES, Feature
from features.errors import NotEnoughDataError
from features.events.schema import schema
from features.instants import DAY_MS, iso
from features.reference import Reference
from features.timeline import Timelines, visible
from models.declared import with_terms
from models.next_product import Period
from models.next_product.history import lines


@dataclass(frozen=True)
class Orders:
    """All orders of all customers, by customer, then time."""

    customer: npt.NDArray[np.int64]
    """Places in the timelines, rising."""
    at: npt.NDArray[np.int64]
    known_at: npt.NDArray[np.int64]
    known_until: npt.NDArray[np.int64]
    value: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]
    """By place: whether somebody stands behind the timeline."""
    profiled: Callable[[int], npt.NDArray[np.bool_]]
    """By place: who allowed to be profiled at an instant, and still does."""

    @classmethod
    def of(cls, timelines: Timelines) -> "Orders":
        """The orders in these timelines."""
        rows = timelines.rows
        place = np.flatnonzero(rows.type == schema().code("Order Completed"))
        return cls(
            customer=np.searchsorted(timelines.offsets, place, side="right") - 1,
            at=np.asarray(rows.at[place], np.int64),
            known_at=np.asarray(rows.known_at[place], np.int64),
            known_until=np.asarray(rows.known_until[place], np.int64),
            value=np.asarray(rows.value[place], np.float32),
            known=timelines.known,
            profiled=lambda at: timelines.allowing(PROFILING, at),
        )

    def before(self, at: int) -> npt.NDArray[np.bool_]:
        """Which orders were known before an instant."""
        return visible(self.at, self.known_at, self.known_until, at)

    def eligible(self, at: int) -> npt.NDArray[np.int64]:
        """Places of known customers with at least one order before an instant, rising.

        Whoever did not allow to be profiled, or no longer does, is not among them.
        """
        customers = np.unique(self.customer[self.before(at)])
        return customers[(self.known & self.profiled(at))[customers]]

    def unprofiled(self, at: int) -> int:
        """How many known customers with an order before an instant do not allow to be profiled."""
        customers = np.unique(self.customer[self.before(at)])
        return int((self.known & ~self.profiled(at))[customers].sum())

    def returning(
        self, at: int, horizon_days: int, known_by: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Places of customers who order in the horizon that begins at an instant, rising.

        With `known_by`, only orders that had arrived by that instant: what a model trained then
        could have seen.
        """
        inside = (self.at >= at) & (self.at < at + horizon_days * DAY_MS)
        if known_by is not None:
            inside &= self.known_at <= known_by
        return np.unique(self.customer[inside])


def named_features(
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    at: int,
    catalog: Catalog,
    reference: Reference,
    names: tuple[str, ...],
    *,
    threads: int = 1,
) -> npt.NDArray[np.float32]:
    """Declared features of customers at one instant, by their names, shape (n, names).

    Arguments:
        timelines: all customers.
        customers: places in the timelines, shape (n,).
        at: int64 ms UTC.
        catalog: the numbering the timelines' products refer to.
        reference: population facts as of the instant, or earlier.
        names: of features; a ratio may stand without the features it is of.
        threads: of the kernel.
    """
    features = with_terms(names)
    instants = np.full(len(customers), at, np.int64)
    values = matrix(
        timelines, customers, instants, catalog, reference, features=features, threads=threads
    )
    place = {feature.name: column for column, feature in enumerate(features)}
    return values[:, [place[name] for name in names]]


@dataclass(frozen=True)
class ChurnRows:
    """Customers at instants, their features, and whether they left."""

    X: npt.NDArray[np.float32]
    """Shape (n, features)."""
    y: npt.NDArray[np.bool_]
    """True where no order followed within the horizon."""
    at: npt.NDArray[np.int64]
    customer: npt.NDArray[np.int64]
    """Places in the timelines."""
    days: npt.NDArray[np.int64]
    """How many days each label looks ahead."""


def churn_rows(
    timelines: Timelines,
    catalog: Catalog,
    instants: npt.NDArray[np.int64],
    horizon_days: int,
    *,
    features: tuple[Feature, ...] = FEATURES,
    reference: Reference | None = None,
    known_by: int | None = None,
    customers: int | None = None,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> ChurnRows:
    """Eligible customers at each instant: those with at least one order before it.

    Arguments:
        timelines: all customers.
        catalog: the numbering the timelines' products refer to.
        instants: int64 ms UTC.
        horizon_days: days after an instant in which an order means the customer stayed.
        features: which features.
        reference: population facts for all instants; computed as of each when None.
        known_by: labels count only orders that had arrived by then; all when None.
        customers: how many of one instant at most, drawn at random; all when None.
        seed: of that draw.
        threads: of the kernel.
        progress: called with the number of instants done.

    Raises:
        NotEnoughDataError: no customer is eligible at any instant.
    """
    orders = Orders.of(timelines)
    parts: list[ChurnRows] = []
    for at in instants.tolist():
        parts.append(
            instant_rows(
                timelines,
                catalog,
                orders,
                at,
                horizon_days,
                features=features,
                reference=reference,
                known_by=known_by,
                customers=customers,
                seed=seed,
                threads=threads,
            )
        )
        if progress is not None:
            progress(1)
    return together(parts, instants)


def instant_rows(
    timelines: Timelines,
    catalog: Catalog,
    orders: Orders,
    at: int,
    horizon_days: int,
    *,
    features: tuple[Feature, ...] = FEATURES,
    reference: Reference | None = None,
    known_by: int | None = None,
    customers: int | None = None,
    seed: int = 0,
    threads: int = 1,
) -> ChurnRows:
    """The rows of one instant, none where nobody is eligible; arguments as `churn_rows`."""
    customer = orders.eligible(at)
    if customers is not None and len(customer) > customers:
        draw = np.random.default_rng([seed, at]).choice(len(customer), customers, replace=False)
        customer = customer[np.sort(draw)]
    at_rows = np.full(len(customer), at, np.int64)
    facts = Reference.as_of(timelines, catalog, at) if reference is None else reference
    return ChurnRows(
        X=matrix(timelines, customer, at_rows, catalog, facts, features=features, threads=threads),
        y=~np.isin(customer, orders.returning(at, horizon_days, known_by), assume_unique=True),
        at=at_rows,
        customer=customer,
        days=np.full(len(customer), horizon_days),
    )


def together(parts: Sequence[ChurnRows], instants: npt.NDArray[np.int64]) -> ChurnRows:
    """The rows of several instants.

    Raises:
        NotEnoughDataError: there are none.
    """
    if not sum(len(part.y) for part in parts):
        raise NotEnoughDataError(
            "no known customer has an order before "
            + ", ".join(iso(at) for at in instants.tolist())
            + "; import more history, or check that orders carry a user id"
        )
    return ChurnRows(
        X=np.concatenate([part.X for part in parts]),
        y=np.concatenate([part.y for part in parts]),
        at=np.concatenate([part.at for part in parts]),
        customer=np.concatenate([part.customer for part in parts]),
        days=np.concatenate([part.days for part in parts]),
    )


def value_labels(
    orders: Orders, rows: ChurnRows, days: int, known_by: int | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Days with an order, and what was spent, in the days after each row's instant.

    Orders of one customer and day (UTC) are one, but all their values count. Returns are not
    taken off: they act from their own instant.

    Arguments:
        orders: all orders.
        rows: customers at instants.
        days: how many days after.
        known_by: only orders that had arrived by then; all when None.

    Returns:
        Both float64, shape (n,); spend is NaN where no order of the log says its value.
    """
    counts, spend = np.zeros(len(rows.at)), np.zeros(len(rows.at))
    people = len(orders.known)
    for at in np.unique(rows.at).tolist():
        mine = np.flatnonzero(rows.at == at)
        inside = (orders.at >= at) & (orders.at < at + days * DAY_MS)
        if known_by is not None:
            inside &= orders.known_at <= known_by
        who, worth = orders.customer[inside], np.nan_to_num(orders.value[inside])
        dates = np.unique(np.column_stack([who, orders.at[inside] // DAY_MS]), axis=0)
        counts[mine] = np.bincount(dates[:, 0], minlength=people)[rows.customer[mine]]
        spend[mine] = np.bincount(who, worth, minlength=people)[rows.customer[mine]]
    if np.isnan(orders.value).all():
        spend[:] = np.nan
    return counts, spend


def periods(
    timelines: Timelines,
    catalog: Catalog,
    instants: npt.NDArray[np.int64],
    horizon_days: int,
    *,
    customers: int | None = None,
    known_by: int | None = None,
    seed: int = 0,
) -> Iterator[Period]:
    """For each instant the customers who bought in the horizon after it, and what.

    One at a time, since each carries the population facts as of its instant. Customers are
    known and had an order before.

    Arguments:
        timelines: all customers.
        catalog: the numbering the timelines' products refer to.
        instants: int64 ms UTC.
        horizon_days: days after an instant in which a purchase is a right answer.
        customers: how many customers of one period at most, drawn at random; all when None.
        known_by: only purchases that had arrived by then are right answers; all when None.
        seed: of that draw.
    """
    orders = Orders.of(timelines)
    for at in instants.tolist():
        everyone = orders.eligible(at)
        returned = orders.returning(at, horizon_days, known_by)
        chosen = everyone[np.isin(everyone, returned, assume_unique=True)]
        if customers is not None and len(chosen) > customers:
            draw = np.random.default_rng([seed, at]).choice(len(chosen), customers, replace=False)
            chosen = chosen[np.sort(draw)]
        owner, place = lines(timelines, chosen)
        moment = timelines.rows.at[place]
        inside = (moment >= at) & (moment < at + horizon_days * DAY_MS)
        if known_by is not None:
            inside &= timelines.rows.known_at[place] <= known_by
        bought = catalog.parent[timelines.rows.product[place[inside]]]
        pair = np.unique(owner[inside] * np.int64(len(catalog)) + bought)
        owner, bought = np.divmod(pair, len(catalog))
        offsets = np.searchsorted(owner, np.arange(len(chosen) + 1))
        some = np.diff(offsets) > 0
        yield Period(
            at=at,
            customers=chosen[some],
            offsets=np.append(0, np.cumsum(np.diff(offsets)[some])).astype(np.int64),
            products=bought.astype(np.int32),
            reference=Reference.as_of(timelines, catalog, at),
        )


def observed(timelines: Timelines, cutoff: int, horizon_days: int) -> None:
    """Check that the horizon after a cutoff is over.

    Raises:
        NotEnoughDataError: it is not.
    """
    last = int(timelines.rows.at.max()) if len(timelines.rows) else 0
    end = cutoff + horizon_days * DAY_MS
    if last // DAY_MS < (end - 1) // DAY_MS:  # a log by the day has its events at midnight
        raise NotEnoughDataError(
            f"the last event is of {iso(last)}; {horizon_days} days after the cutoff "
            f"{iso(cutoff)} end {iso(end)}: choose a cutoff no later than "
            f"{iso(last - horizon_days * DAY_MS)}"
        )
