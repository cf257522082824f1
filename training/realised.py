"""What was served, beside what happened: per version and week, once the horizon has passed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.columns import Columns as C
from features.consents import PROFILING
from features.identity import FOREVER
from features.instants import DAY_MS
from features.ranges import ranges
from features.timeline import Timelines
from training.dataset import Orders
from training.intervals import auc_interval, rate
from training.metrics import expected_calibration_error

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Week:
    """What one version said in one ISO week (UTC), and how right it was."""

    monday: date
    customers: int
    """Each once, by the first score of the week: one outcome proves nothing twice."""
    mean_predicted: float
    observed: float
    """Share of the customers without an order in the horizon."""
    difference: float
    """Predicted less observed: above 0 it was too gloomy."""
    difference_low: float
    difference_high: float
    """95 % interval, by Wilson's of the observed share."""
    ece: float
    brier: float
    auc: float
    auc_low: float
    auc_high: float
    """95 % interval, by DeLong's variance."""

    @property
    def name(self) -> str:
        """As ISO 8601 writes it.

        >>> nan = float("nan")
        >>> Week(date(2011, 9, 5), 1, *[nan] * 10).name
        '2011-W36'
        """
        return f"{self.monday:%G-W%V}"

    @property
    def step(self) -> int:
        """Its number for a chart: 201136 is 2011-W36."""
        return int(f"{self.monday:%G%V}")


@dataclass(frozen=True)
class Scores:
    """One version's scores, with whose they are."""

    at: npt.NDArray[np.int64]
    horizon: npt.NDArray[np.int64]
    """In milliseconds."""
    probability: Floats
    person: Places
    """Place of whom the identifier leads to now: theirs is what happened."""
    then: Places
    """Place of whom it led to when it was scored: theirs is what the features saw."""

    def __len__(self) -> int:
        return len(self.at)

    def part(self, chosen: npt.NDArray[np.bool_] | Places) -> "Scores":
        """Some of them."""
        return Scores(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


class Outcomes:
    """Who ordered when, by what is known now.

    Arguments:
        timelines: all customers.
        owners: who an identifier leads to now, where that is another.
        until: the last instant of which everything is known.
    """

    def __init__(self, timelines: Timelines, owners: Mapping[str, str], until: int) -> None:
        self._timelines = timelines
        self._owners = owners
        self._until = until
        orders = Orders.of(timelines)
        lasting = orders.known_until == FOREVER  # what was taken apart since is another's
        self._customer, self._at = orders.customer[lasting], orders.at[lasting]
        self._judged = timelines.known & timelines.allowing(PROFILING, until)

    def scores(self, table: pa.Table) -> Mapping[str, Scores]:
        """By version: the scores of those who still are customers and allow to be profiled.

        Arguments:
            table: schema `features.events.served.SCHEMA`.
        """
        names = table[C.CUSTOMER_ID].to_pylist()
        person = self._timelines.find([self._owners.get(name, name) for name in names])
        own = self._timelines.find(names)
        everything = Scores(
            at=table[C.INSTANT].to_numpy(),
            horizon=table["horizon_days"].to_numpy().astype(np.int64) * DAY_MS,
            probability=table["probability"].to_numpy(),
            person=person,
            then=np.where(own < 0, person, own),
        )
        version = np.array(table["version"].to_pylist(), dtype=object)
        known = (person >= 0) & self._judged[person] if len(self._judged) else person >= 0
        return {each: everything.part(known & (version == each)) for each in sorted(set(version))}

    def week(self, monday: date, scores: Scores) -> Week | None:
        """How right a week's scores were; None before the last of their horizons has passed."""
        end = instant_of(monday + timedelta(days=7))
        if not len(scores) or end + int(scores.horizon.max()) > self._until:
            return None
        order = np.argsort(scores.at, kind="stable")
        _, first = np.unique(scores.person[order], return_index=True)
        over = scores.part(order[first])
        left = ~self._ordered(over)
        predicted, mean = over.probability, float(over.probability.mean())
        observed, auc = rate(left), auc_interval(left, over.probability)
        difference = mean - observed
        return Week(
            monday=monday,
            customers=len(over),
            mean_predicted=mean,
            observed=observed.value,
            difference=difference.value,
            difference_low=difference.low,
            difference_high=difference.high,
            ece=expected_calibration_error(left, predicted),
            brier=float(np.mean((predicted - left) ** 2)),
            auc=auc.value,
            auc_low=auc.low,
            auc_high=auc.high,
        )

    def _ordered(self, scores: Scores) -> npt.NDArray[np.bool_]:
        """Who ordered in the horizon that began with their score."""
        begin = np.searchsorted(self._customer, scores.person, side="left")
        counts = np.searchsorted(self._customer, scores.person, side="right") - begin
        owner = np.repeat(np.arange(len(scores)), counts)
        place = ranges(begin, counts)
        since = self._at[place] - scores.at[owner]
        inside = (since >= 0) & (since < scores.horizon[owner])
        return np.bincount(owner[inside], minlength=len(scores)) > 0


def monday_of(instant: int) -> date:
    """The first day of an instant's ISO week (UTC).

    >>> from features.instants import instant
    >>> monday_of(instant("2011-09-10T12:00:00Z"))
    datetime.date(2011, 9, 5)
    """
    day = datetime.fromtimestamp(instant / 1000, UTC).date()
    return day - timedelta(days=day.weekday())


def instant_of(day: date) -> int:
    """The first instant of a UTC day."""
    return (day - _EPOCH).days * DAY_MS
