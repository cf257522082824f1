"""How right predictions are for kinds of customers, not only on average."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features import lifecycle
from features.catalog import Catalog
from features.events.schema import schema
from features.reference import Reference
from features.timeline import Timelines
from training.countries import NOT_KNOWN
from training.dataset import Orders, named_features
from training.intervals import UNDEFINED, Interval, auc_interval, rate
from training.metrics import expected_calibration_error

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]

MIN_CUSTOMERS: Final = 50
"""Customers below which a slice is listed and not judged: at a rate of a half the interval of 50
is ±14 points wide."""

MIN_EACH: Final = 10
"""Leavers and stayers that an AUC needs."""

MOST: Final = 12
"""Slices of one kind at most; the smaller ones are put together."""

UNKNOWN: Final = "not known"


@dataclass(frozen=True)
class Slice:
    """Customers who have something in common."""

    kind: str
    """What they have in common: orders, acquisition channel, stage, country."""
    name: str
    customers: int
    observed: Interval
    """Share without an order, with Wilson's interval."""
    predicted: float
    """Mean probability."""
    auc: Interval
    """NaN below MIN_EACH leavers or stayers."""
    ece: float
    """Expected calibration error; it grows with chance as a slice gets small."""

    @property
    def judged(self) -> bool:
        """Whether there are enough customers."""
        return self.customers >= MIN_CUSTOMERS

    @property
    def difference(self) -> Interval:
        """Predicted less observed, which is 0 where the slice is calibrated."""
        return self.predicted - self.observed

    @property
    def miscalibrated(self) -> bool:
        """Whether the slice is judged and its interval leaves out being calibrated."""
        return self.judged and self.difference.excludes_zero


def slices(
    groups: Mapping[str, Names], left: npt.NDArray[np.bool_], predicted: Floats
) -> list[Slice]:
    """Every kind's slices, the largest first within a kind.

    Arguments:
        groups: by kind, the name of each customer's slice, shape (customers,).
        left: True where no order followed, shape (customers,).
        predicted: P(no order), shape (customers,).
    """
    out = []
    for kind, names in groups.items():
        for name in _largest(names):
            mine = names == name
            out.append(_slice(kind, str(name), left[mine], predicted[mine]))
    return out


def customer_groups(
    timelines: Timelines,
    catalog: Catalog,
    customers: npt.NDArray[np.int64],
    at: int,
    country: Names,
) -> dict[str, Names]:
    """What customers have in common as of an instant.

    Arguments:
        timelines: all customers.
        catalog: the numbering the timelines' products refer to.
        customers: places in the timelines.
        at: int64 ms UTC.
        country: of every timeline, `NOT_KNOWN` where none is known.

    Returns:
        By kind (orders, acquisition channel, stage, country), shape (customers,).
    """
    orders = Orders.of(timelines)
    number = np.bincount(orders.customer[orders.before(at)], minlength=len(timelines))[customers]
    facts = Reference.empty(catalog)  # a stage reads no population fact
    code = lifecycle.stages(
        named_features(timelines, customers, at, catalog, facts, lifecycle.NAMES)
    )
    labels = np.array([stage.label for stage in lifecycle.Stage])
    home = country[customers]
    groups = {
        "orders": np.where(number == 1, "one order", "several orders"),
        "acquisition channel": acquisition_channels(timelines, at)[customers],
        "stage": labels[code],
        "country": _together(np.where(home == NOT_KNOWN, UNKNOWN, home)),
    }
    return {kind: names.astype(np.str_) for kind, names in groups.items()}


def acquisition_channels(timelines: Timelines, at: int) -> Names:
    """The channel of each timeline's first event before an instant that names one."""
    rows = timelines.rows
    named = {code: name for name, code in schema().channels.items() if code}
    place = np.flatnonzero(rows.before(at) & np.isin(rows.channel, list(named)))
    owner, first = np.unique(
        np.searchsorted(timelines.offsets, place, side="right") - 1, return_index=True
    )
    out = np.full(len(timelines), UNKNOWN, object)
    out[owner] = [named[int(code)] for code in rows.channel[place[first]]]
    return out.astype(np.str_)


def _slice(kind: str, name: str, left: npt.NDArray[np.bool_], predicted: Floats) -> Slice:
    enough = min(int(left.sum()), int((~left).sum())) >= MIN_EACH
    return Slice(
        kind=kind,
        name=name,
        customers=len(left),
        observed=rate(left),
        predicted=float(predicted.mean()),
        auc=auc_interval(left, predicted) if enough else UNDEFINED,
        ece=expected_calibration_error(left, predicted),
    )


def _largest(names: Names) -> list[str]:
    found, count = np.unique(names, return_counts=True)
    return [str(name) for name in found[np.lexsort((found, -count))]]


def _together(names: Names) -> Names:
    """The names, those beyond `MOST` as one."""
    rest = [name for name in _largest(names)[MOST - 1 :] if name != UNKNOWN]
    if len(rest) < 2:
        return names
    return np.where(np.isin(names, rest), f"{len(rest)} other countries", names)
