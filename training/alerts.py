"""When somebody must look: the rule that turns figures into ok, warning or alert."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from features.settings import Settings
from training.realised import Week
from training.watch import Day

T = TypeVar("T", Week, Day)

ENOUGH = 50
"""Customers below which a week, or a day, is shown and not judged: its intervals say nothing, and a
quiet day must not end what three busy ones began."""

NEXT_STEP = "train again: python -m training train"


class Status(IntEnum):
    """How bad it is; a gauge shows the number."""

    OK = 0
    WARNING = 1
    ALERT = 2


@dataclass(frozen=True)
class Judgement:
    """What is wrong with a version, in sentences."""

    status: Status
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """The limits; `Settings` says why each is what it is."""

    calibration: float
    auc: float
    weeks: int
    stability: float
    days: int

    @classmethod
    def of(cls, settings: Settings) -> "Rule":
        """The settings' limits."""
        return cls(
            settings.monitor_calibration,
            settings.monitor_auc,
            settings.monitor_weeks,
            settings.monitor_stability,
            settings.monitor_days,
        )

    def judge(
        self, weeks: Sequence[Week], days: Sequence[Day], promised: Mapping[str, float]
    ) -> Judgement:
        """Look at the last weeks and days of a version.

        A limit that was passed in as many weeks, or days, as the rule says, without one between
        that kept it, is an alert; in fewer, a warning. Chance passes none: it is the nearer end of
        an interval that counts, and an index beyond what samples of that size reach. A feature
        that moved is a warning only: some, as the days since a first order, move by themselves.

        Arguments:
            weeks: oldest first.
            days: oldest first.
            promised: what the version's evaluation found, `ours.auc` among it if defined.
        """
        auc = promised.get("ours.auc", float("nan")) - self.auc

        def moved(day: Day, index: float) -> bool:
            return index > max(self.stability, day.chance)

        checks = (
            self._last(weeks, lambda w: w.difference_low > self.calibration, self.weeks, _gloomy),
            self._last(weeks, lambda w: w.difference_high < -self.calibration, self.weeks, _sunny),
            self._last(
                weeks,
                lambda w: w.auc_high < auc,  # NaN never is
                self.weeks,
                lambda w: (
                    f"AUC {w.auc:.2f}, at most {w.auc_high:.2f}, of {auc + self.auc:.2f} "
                    f"that the evaluation promised, in {w.name}"
                ),
            ),
            self._last(
                days,
                lambda d: moved(d, d.score),
                self.days,
                lambda d: _moved("the probabilities", d.score, d),
            ),
            self._last(
                days,
                lambda d: moved(d, d.worst[1]),
                self.days,
                lambda d: _moved(*d.worst, d),
                most=Status.WARNING,
            ),
        )
        found = [check for check in checks if check is not None]
        status = max((status for status, _ in found), default=Status.OK)
        return Judgement(status, tuple(reason for _, reason in found))

    def _last(
        self,
        periods: Sequence[T],
        passed: Callable[[T], bool],
        enough: int,
        words: Callable[[T], str],
        most: Status = Status.ALERT,
    ) -> tuple[Status, str] | None:
        """What is to be said of the last periods; None when the last one kept the limit."""
        running = 0
        judged = [period for period in periods if period.customers >= ENOUGH]
        for period in reversed(judged):
            if not passed(period):
                break
            running += 1
        if not running:
            return None
        status = min(most, Status.ALERT if running >= enough else Status.WARNING)
        unit = "week" if isinstance(judged[-1], Week) else "day"
        for_how_long = f"one {unit}" if running == 1 else f"{running} {unit}s in succession"
        return status, f"{words(judged[-1])} ({for_how_long})"


def _gloomy(week: Week) -> str:
    return (
        f"{week.mean_predicted:.0%} predicted to leave and {week.observed:.0%} left in "
        f"{week.name}: at least {week.difference_low:.2f} too many"
    )


def _sunny(week: Week) -> str:
    return (
        f"{week.mean_predicted:.0%} predicted to leave and {week.observed:.0%} left in "
        f"{week.name}: at least {-week.difference_high:.2f} too few"
    )


def _moved(what: str, index: float, day: Day) -> str:
    return f"{what} moved: stability index {index:.2f} on {day.date}"
