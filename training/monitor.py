"""Monitoring: what was served against what happened, the alert rule, and where both are written."""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from features.catalog import Catalog
from features.errors import NotEnoughDataError, StorageError
from features.events.served import Served
from features.instants import DAY_MS, iso
from models.bundle import Bundle
from training import plots
from training.alerts import NEXT_STEP, Judgement, Rule, Status
from training.fit import Progress
from training.realised import Outcomes, Scores, Week, instant_of, monday_of
from training.tracking import Run
from training.trainer import Data
from training.watch import Day, Watch

WEEKS = 60
"""How far back is looked: a year, and the horizon before it."""

FIGURES = tuple(name for name in Week.__dataclass_fields__ if name not in ("monday", "customers"))
PROMISED = ("ours.auc", "ours.brier", "ours.ece")


@dataclass(frozen=True)
class Version:
    """What was found of one version."""

    version: str
    weeks: tuple[Week, ...]
    """Oldest first; those whose horizons have passed."""
    days: tuple[Day, ...]
    """Oldest first; none when the version's bundle cannot be had, or is of another log."""
    promised: Mapping[str, float]
    """What its evaluation found, `PROMISED`; what is undefined is left out."""
    judgement: Judgement


@dataclass(frozen=True)
class Monitoring:
    """What a monitoring found."""

    until: int
    """The last instant of which everything is known."""
    versions: tuple[Version, ...]
    """In the order in which they were last served."""
    judged: Version
    """The version that serves, or that was served last."""

    @property
    def sentence(self) -> str:
        """What there is to do."""
        about, judgement = self.judged, self.judgement
        if judgement.reasons:
            said = "; ".join(judgement.reasons)
            step = f". Next: {NEXT_STEP}" if judgement.status is Status.ALERT else ""
            return f"version {about.version}: {said}{step}"
        if about.weeks:
            return f"version {about.version} keeps what it promised, up to {about.weeks[-1].name}"
        return f"version {about.version}: no week's horizon has passed yet"

    @property
    def judgement(self) -> Judgement:
        """Of the version that counts."""
        return self.judged.judgement


def monitor(
    data: Data,
    served: Served,
    owned: Mapping[str, str],
    bundle: Callable[[str], Bundle | None],
    rule: Rule,
    *,
    serving: str | None = None,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> Monitoring:
    """Join what was served with what happened, and judge it.

    Equal inputs give equal figures: nothing of a former monitoring is read.

    Arguments:
        data: what happened, up to the last event.
        served: what was served.
        owned: who identifiers lead to now, as `owners` of a log gives it.
        bundle: the bundle of a version; None when it cannot be had any more.
        rule: when somebody must look.
        serving: the version that serves, which is judged; the one served last when None.
        seed: of draws from large populations.
        threads: of the kernel.
        progress: told the weeks that are done.

    Raises:
        NotEnoughDataError: nothing was served yet.
        StorageError: the disk is full.
    """
    extent = served.extent()
    if extent is None:
        raise NotEnoughDataError(
            f"nothing was served yet, or nothing was exported to {served.folder}; run: "
            "python -m serving export"
        )
    last = monday_of(extent[1])
    first = max(monday_of(extent[0]), last - timedelta(weeks=WEEKS))
    mondays = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
    outcomes = Outcomes(data.timelines, owned, data.last_at)
    watches: dict[str, Watch | None] = {}
    promises: dict[str, Mapping[str, float]] = {}
    weeks: dict[str, list[Week]] = {}
    days: dict[str, list[Day]] = {}
    for place, monday in enumerate(mondays):
        end = monday + timedelta(days=7)
        table = served.between(instant_of(monday), instant_of(end))
        for version, scores in outcomes.scores(table).items():
            weeks[version] = weeks.pop(version, [])  # to the end: served last
            if version not in watches:
                found = bundle(version)
                promises[version] = {} if found is None else _promised(found)
                watches[version] = (
                    Watch(found, data.timelines, data.catalog, seed=seed, threads=threads)
                    if found is not None and _of_this_log(found, data.catalog)
                    else None
                )
            week = outcomes.week(monday, scores)
            weeks[version] += [] if week is None else [week]
            days.setdefault(version, []).extend(_days(watches[version], monday, scores))
        if progress is not None:
            progress("weeks served", place + 1, len(mondays))
    versions = tuple(
        Version(name, tuple(theirs), tuple(days[name]), promises[name], judgement)
        for name, theirs in weeks.items()
        for judgement in [rule.judge(theirs, days[name], promises[name])]
    )
    judged = next((v for v in versions if v.version == serving), None)
    if judged is None:
        nothing = Judgement(Status.OK, ())
        judged = versions[-1] if serving is None else Version(serving, (), (), {}, nothing)
    return Monitoring(data.last_at, versions, judged)


def _of_this_log(bundle: Bundle, catalog: Catalog) -> bool:
    """Whether features mean the same: not where the log was made anew since the training."""
    return bundle.churn is not None and catalog.ids[: len(bundle.catalog)] == bundle.catalog.ids


def _promised(bundle: Bundle) -> Mapping[str, float]:
    metrics = bundle.manifest.metrics
    return {n: metrics[f"churn.{n}"] for n in PROMISED if f"churn.{n}" in metrics}


def _days(watch: Watch | None, monday: date, scores: Scores) -> list[Day]:
    """The drift of a week's days."""
    if watch is None:
        return []
    found = []
    for place in range(7):
        day = monday + timedelta(days=place)
        some = scores.part(scores.at // DAY_MS == instant_of(day) // DAY_MS)
        drift = watch.day(day, some.then, some.at, some.probability)
        found += [] if drift is None else [drift]
    return found


def record(run: Run, found: Monitoring) -> None:
    """Leave a monitoring in a run: metrics by week and by day, a table and a plot each version."""
    run.tags(
        {
            "status": found.judgement.status.name.lower(),
            "sentence": found.sentence,
            "until": iso(found.until),
            "version": found.judged.version,
        }
    )
    for version in found.versions:
        name = f"v{version.version}"
        points: list[tuple[str, float, int]] = [
            (f"{name}.{figure}", getattr(week, figure), week.step)
            for week in version.weeks
            for figure in ("customers", *FIGURES)
        ]
        for day in version.days:
            points.append((f"{name}.stability.score", day.score, day.step))
            points.append((f"{name}.stability.worst_feature", day.worst[1], day.step))
        run.points([point for point in points if isfinite(point[1])])
        run.metrics({f"{name}.promised.{key}": value for key, value in version.promised.items()})
        run.text(_weeks_csv(version), f"{name}/weeks.csv")
        run.text(_days_csv(version), f"{name}/days.csv")
        if version.weeks:
            figure = plots.monitoring(version.weeks, version.promised.get("ours.auc"))
            run.figure(figure, f"{name}_realised")


def _weeks_csv(version: Version) -> str:
    rows = [{"week": week.name, **asdict(week)} for week in version.weeks]
    return _csv(["week", *Week.__dataclass_fields__], rows)


def _days_csv(version: Version) -> str:
    rows = [
        {"date": day.date, "customers": day.customers, "chance": day.chance, "of": of, "index": x}
        for day in version.days
        for of, x in (("score", day.score), *day.features.items())
    ]
    return _csv(["date", "customers", "chance", "of", "index"], rows)


def _csv(names: list[str], rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(found: Monitoring, path: Path, now: int) -> None:
    """Write the last week's and day's figures for the service to show, in one step.

    Raises:
        StorageError: the disk refused; the former file stays.
    """
    document = {
        "at": now,
        "until": found.until,
        "status": int(found.judgement.status),
        "sentence": found.sentence,
        "version": found.judged.version,
        "versions": {version.version: _last(version) for version in found.versions},
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror}; the former stays") from error


def _last(version: Version) -> dict[str, Any]:
    week = version.weeks[-1] if version.weeks else None
    day = version.days[-1] if version.days else None
    return {
        "status": int(version.judgement.status),
        "promised_auc": version.promised.get("ours.auc"),
        "week": None if week is None else {"name": week.name, **_figures(week)},
        "day": None
        if day is None
        else {
            "date": day.date.isoformat(),
            "customers": day.customers,
            "chance": day.chance,
            "stability": {"score": day.score, **day.features},
        },
    }


def _figures(week: Week) -> dict[str, float | None]:
    values = {name: float(getattr(week, name)) for name in ("customers", *FIGURES)}
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
