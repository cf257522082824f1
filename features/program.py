"""Declared features, translated into the tables that the kernel interprets."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.definitions import FEATURES
from features.definitions.feature import Aggregation, Feature, Number
from features.errors import InputError, shown
from features.events.schema import schema
from features.instants import DAY_MS

LIFE = np.iinfo(np.int64).max

COUNT, STATS, SINCE, GAPS, KEYS, SESSIONS, HOPS, UNTIL = range(8)
"""Accumulators. Several aggregations read the same one: a mean, a sum and a maximum of the
same rows are one accumulator, and so are all windows, since rows come newest first."""

ACCUMULATOR = {
    Aggregation.COUNT: COUNT,
    Aggregation.OPEN: COUNT,
    Aggregation.SUM: STATS,
    Aggregation.MEAN: STATS,
    Aggregation.MIN: STATS,
    Aggregation.MAX: STATS,
    Aggregation.LAST: STATS,
    Aggregation.FIRST: STATS,
    Aggregation.DAYS_SINCE_LAST: SINCE,
    Aggregation.DAYS_SINCE_FIRST: SINCE,
    Aggregation.GAP_MEAN: GAPS,
    Aggregation.GAP_SD: GAPS,
    Aggregation.GAP_LAST: GAPS,
    Aggregation.DISTINCT: KEYS,
    Aggregation.TOP: KEYS,
    Aggregation.TOP_SHARE: KEYS,
    Aggregation.SESSIONS: SESSIONS,
    Aggregation.HOPS: HOPS,
    Aggregation.DAYS_UNTIL: UNTIL,
}

LATEST = 4
"""Tuples of features that are recognised without hashing them: those of the live models."""

STATE = 6
"""Floats that one accumulator holds."""


OPERATION = np.dtype(
    [
        ("kind", np.int64),
        ("number", np.int64),
        ("until", np.int64),  # milliseconds after which no window reads it any more
        ("filtered", np.int64),  # whether any of the next four restricts it
        ("after", np.int64),  # milliseconds that a row must be old, exclusive
        ("channels", np.int64),  # bit set of channel codes
        ("low", np.float64),  # bounds of a row's value, NaN for none
        ("high", np.float64),
        ("keys", np.int64),  # row of the key scratch
    ]
)
CODE = np.dtype([("start", np.int64), ("stop", np.int64), ("history", np.int64)])
"""By event code: its span of `uses`, and how many of its latest rows are looked at."""

USE = np.dtype([("operation", np.int64), ("weight", np.float64)])
"""One event type feeds one operation; the weight is -1 where it subtracts."""

EDGE = np.dtype([("length", np.int64), ("start", np.int64), ("stop", np.int64)])
"""A window's length in milliseconds, ascending and LIFE last, and its span of `reads`."""

READ = np.dtype(
    [("feature", np.int64), ("operation", np.int64), ("how", np.int64), ("rank", np.int64)]
)
"""What a feature reads from its operation when the scan leaves its window."""

RATIO = np.dtype(
    [
        ("feature", np.int64),
        ("of", np.int64),
        ("over", np.int64),
        ("scale", np.float64),
        ("most", np.float64),
    ]
)


class Program(NamedTuple):
    """The tables, each a structured array of the dtype named like it."""

    operations: npt.NDArray[np.void]
    codes: npt.NDArray[np.void]
    uses: npt.NDArray[np.void]
    edges: npt.NDArray[np.void]
    reads: npt.NDArray[np.void]
    ratios: npt.NDArray[np.void]
    key_rows: int
    """Operations that count keys, hence rows of key scratch."""


_latest: list[tuple[tuple[Feature, ...], Program]] = []


def compiled(features: tuple[Feature, ...] = FEATURES) -> Program:
    """The program of these features, translated once.

    Raises:
        InputError: two features share a name, or a ratio names one that does not come before.
    """
    # by identity first: hashing a hundred declarations costs as much as evaluating them
    for known, program in _latest:
        if known is features:
            return program
    program = _translated(features)
    _latest[:] = [(features, program), *_latest[:LATEST]]
    return program


@lru_cache(maxsize=64)
def _translated(features: tuple[Feature, ...]) -> Program:
    place: dict[str, int] = {}
    for i, feature in enumerate(features):
        if feature.name in place:
            raise InputError(f"two features are called {shown(feature.name)}; rename one subject")
        for name in feature.of or ():
            if name not in place:
                raise InputError(f"{feature.name} is a ratio of {shown(name)}, not declared before")
        place[feature.name] = i

    ops: dict[tuple[object, ...], int] = {}
    op_of: list[Feature] = []
    for feature in features:
        if feature.aggregation is not Aggregation.RATIO and _op_key(feature) not in ops:
            ops[_op_key(feature)] = len(op_of)
            op_of.append(feature)
    feature_op = [-1 if f.aggregation is Aggregation.RATIO else ops[_op_key(f)] for f in features]

    lengths = [LIFE if f.window is None else f.window * DAY_MS for f in features]
    until = [0] * len(op_of)
    for length, op in zip(lengths, feature_op, strict=True):
        if op >= 0:
            until[op] = max(until[op], length)

    by_code: list[list[tuple[int, float]]] = [[] for _ in range(256)]
    for op, feature in enumerate(op_of):
        for sign, names in ((1.0, feature.events), (-1.0, feature.minus)):
            for name in names:
                by_code[schema().code(name)].append((op, sign))
    for row in by_code:
        row.sort(key=lambda use: -until[use[0]])  # so that the scan can stop at the first expired

    read = [i for i, f in enumerate(features) if f.aggregation is not Aggregation.RATIO]
    edges = sorted({lengths[i] for i in read} | {LIFE})
    at_edge = [[i for i in read if lengths[i] == edge] for edge in edges]
    kinds = [ACCUMULATOR[f.aggregation] for f in op_of]
    nan = float("nan")
    return Program(
        operations=np.array(
            [
                (
                    kinds[op],
                    f.number,
                    until[op],
                    bool(f.after or f.channels or f.between),
                    f.after * DAY_MS,
                    _bits(f.channels),
                    *(f.between or (nan, nan)),
                    kinds[:op].count(KEYS),
                )
                for op, f in enumerate(op_of)
            ],
            OPERATION,
        ),
        codes=np.array(
            [(*span, schema().history(code)) for code, span in enumerate(_spans(by_code))],
            CODE,
        ),
        uses=np.array([use for row in by_code for use in row], USE),
        edges=np.array(
            [(edge, *span) for edge, span in zip(edges, _spans(at_edge), strict=True)], EDGE
        ),
        reads=np.array(
            [
                (i, feature_op[i], features[i].aggregation, features[i].rank)
                for row in at_edge
                for i in row
            ],
            READ,
        ),
        ratios=np.array(
            [
                (i, place[f.of[0]], place[f.of[1]], f.scale, f.most)
                for i, f in enumerate(features)
                if f.of
            ],
            RATIO,
        ),
        key_rows=kinds.count(KEYS),
    )


def _op_key(feature: Feature) -> tuple[object, ...]:
    # Only rows of the same kind, number and filter share an accumulator.
    kind = ACCUMULATOR[feature.aggregation]
    number = Number.ONE if kind in (COUNT, SINCE, GAPS, SESSIONS) else feature.number
    return (
        kind,
        number,
        frozenset(feature.events),
        frozenset(feature.minus),
        feature.after,
        frozenset(feature.channels),
        feature.between,
    )


def _bits(channels: Sequence[str]) -> int:
    return sum(1 << schema().channels[name] for name in channels) if channels else -1


def _spans(groups: Sequence[Sequence[object]]) -> list[tuple[int, int]]:
    stops = list(accumulate(len(group) for group in groups))
    return list(zip([0, *stops], stops, strict=False))
