"""Instants are int64 milliseconds since 1970-01-01 UTC; dates and text meet them here."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from features.errors import InputError, shown

SECOND_MS = 1_000
DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def instant(moment: str | date | datetime | np.datetime64 | int) -> int:
    """The instant of a date, a moment or ISO 8601 text; without a zone it is UTC.

    Raises:
        InputError: the text is no date.

    >>> instant("1970-01-02")
    86400000
    """
    if isinstance(moment, int | np.integer):
        return int(moment)
    if isinstance(moment, np.datetime64):
        return int(moment.astype("datetime64[ms]").astype(np.int64))
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment.strip())
        except ValueError:
            raise InputError(
                f"{shown(moment)} is no date; write it as 2011-09-10 or 2011-09-10T12:00:00Z"
            ) from None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at = (moment - _EPOCH) // timedelta(milliseconds=1)
    if not _FIRST <= at <= _LAST:  # by its zone it lies beyond what a calendar has
        raise InputError(f"{shown(str(moment))} is beyond the years 1 to 9999 in UTC")
    return at


def moment(at: int) -> datetime:
    """The moment of an instant, in UTC.

    >>> moment(86_400_000).isoformat()
    '1970-01-02T00:00:00+00:00'
    """
    return _EPOCH + timedelta(milliseconds=int(at))


def iso(at: int) -> str:
    """An instant as ISO 8601 text in UTC, to the second.

    >>> iso(86_400_000)
    '1970-01-02T00:00:00Z'
    """
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")
