"""Features as a data frame, for a notebook."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from features.columns import Columns as C
from features.compute import matrix
from features.consents import PROFILING, ConsentRules
from features.definitions import FEATURES
from features.definitions.feature import Feature
from features.errors import InputError
from features.events.identifiers import rules_of
from features.events.log import EventLog
from features.instants import instant, moment
from features.permits import permitted
from features.reference import Reference
from features.settings import Settings
from features.timeline_build import timelines_of

Moment = str | date | datetime | int


def frame(
    log: EventLog | Path | str,
    customers: Sequence[str] | None = None,
    *,
    at: Moment | Sequence[Moment],
    features: tuple[Feature, ...] = FEATURES,
    threads: int = 2,
    rules: ConsentRules | None = None,
) -> pd.DataFrame:
    """Features of customers at an instant, or at several: a point-in-time training frame.

    Whoever did not allow to be profiled at an instant, or no longer does, has no row of it.

    Arguments:
        log: the event log or its folder.
        customers: customer ids; everyone with a user id when left out.
        at: an instant (`"2011-09-10"`, a date, or int64 ms UTC) or several; each row sees
            only what was known before its instant, reference facts included.
        features: which features; `df.attrs["features"]` says in words what each is.
        threads: threads of the kernel.
        rules: who may be profiled where they said nothing of it; the environment's settings
            when left out.

    Returns:
        A frame indexed by (customer_id, instant) with one float32 column per feature, NaN
        where undefined. `describe(features)` documents the columns.

    Raises:
        InputError: a customer has no timeline, `at` is no date, or the log is empty.
        StorageError: the log cannot be read.
    """
    if not isinstance(log, EventLog):
        log = EventLog(Path(log), rules=rules_of(Settings.of_environment()))
    if not log.segments:
        raise InputError(f"there are no events in {log.path}; run: python -m training import")
    rules = ConsentRules.of(Settings.of_environment()) if rules is None else rules
    timelines, catalog = permitted(timelines_of(log), log, rules), log.catalog
    if customers is None:
        places = np.flatnonzero(timelines.known).astype(np.int64)
    else:
        places = timelines.index(customers)
    asked = [at] if isinstance(at, str | date | datetime | int) else list(at)
    parts = []
    for each in sorted({instant(one) for one in asked}):
        mine = places[timelines.allowing(PROFILING, each)[places]]
        values = matrix(
            timelines,
            mine,
            np.full(len(mine), each, np.int64),
            catalog,
            Reference.as_of(timelines, catalog, each),
            features=features,
            threads=threads,
        )
        index = pd.MultiIndex.from_product(
            [timelines.ids(mine), [pd.Timestamp(moment(each))]], names=[C.CUSTOMER_ID, C.INSTANT]
        )
        parts.append(pd.DataFrame(values, index=index, columns=[f.name for f in features]))
    result = pd.concat(parts)
    result.attrs["features"] = {f.name: f"{f.meaning} ({f.unit})" for f in features}
    return result


def describe(features: tuple[Feature, ...] = FEATURES) -> pd.DataFrame:
    """What each feature is: family, unit, meaning and hash, indexed by name."""
    return pd.DataFrame(
        {
            "family": [f.family for f in features],
            "unit": [f.unit for f in features],
            "meaning": [f.meaning for f in features],
            "hash": [f.hash for f in features],
        },
        index=pd.Index([f.name for f in features], name="feature"),
    )
