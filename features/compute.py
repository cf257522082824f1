"""The kernel: the one place where features of a timeline are computed.

Rows are read newest first. A window's features are read off the running accumulators at the
moment the scan leaves the window, so that a window costs nothing per row, and every kind of
aggregation can have one. Training calls it for millions of (customer, instant), the service
for one customer: the same compiled function on the same columns.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.definitions import FEATURES
from features.definitions.feature import (
    KEY_LIMIT,
    SESSION_GAP_MS,
    Aggregation,
    Feature,
    Number,
)
from features.errors import InputError
from features.instants import DAY_MS
from features.program import COUNT, GAPS, HOPS, KEYS, SESSIONS, SINCE, STATE, STATS, compiled
from features.reference import Reference
from features.timeline import Timeline, Timelines

Matrix = npt.NDArray[np.float32]

CHUNK = 50_000
"""Evaluations between two reports of progress, and handed to a thread, at most."""

# Numba takes enum members as constants only by their plain value.
_OPEN, _SUM, _MEAN = int(Aggregation.OPEN), int(Aggregation.SUM), int(Aggregation.MEAN)
_MIN, _MAX = int(Aggregation.MIN), int(Aggregation.MAX)
_LAST, _FIRST = int(Aggregation.LAST), int(Aggregation.FIRST)
_SINCE_LAST = int(Aggregation.DAYS_SINCE_LAST)
_GAP_MEAN, _GAP_SD = int(Aggregation.GAP_MEAN), int(Aggregation.GAP_SD)
_DISTINCT, _TOP = int(Aggregation.DISTINCT), int(Aggregation.TOP)
_VALUE, _QUANTITY, _MEASURE = int(Number.VALUE), int(Number.QUANTITY), int(Number.MEASURE)
_PRODUCT, _CATEGORY = int(Number.PRODUCT), int(Number.CATEGORY)
_BRAND, _CHANNEL = int(Number.BRAND), int(Number.CHANNEL)


def matrix(
    timelines: Timelines,
    customers: npt.NDArray[np.int64],
    instants: npt.NDArray[np.int64],
    catalog: Catalog,
    reference: Reference,
    *,
    features: tuple[Feature, ...] = FEATURES,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Matrix:
    """Features of customers at instants.

    Arguments:
        timelines: all customers.
        customers: places in `timelines`, shape (n,).
        instants: int64 ms UTC, shape (n,); row i sees only what customer i did and was known
            to have done before it.
        catalog: the numbering the timelines' products refer to.
        reference: population facts as of the earliest instant, or earlier.
        features: which features; columns come in this order.
        threads: the kernel releases the GIL, so threads help.
        progress: called with the number of evaluations done.

    Returns:
        float32, shape (n, len(features)); NaN where a feature is undefined.

    Raises:
        InputError: shapes differ, or a place lies outside the timelines.
    """
    customers = np.ascontiguousarray(customers, np.int64)
    instants = np.ascontiguousarray(instants, np.int64)
    if customers.shape != instants.shape or customers.ndim != 1:
        raise InputError(
            f"customers {customers.shape} and instants {instants.shape} must be two equal columns"
        )
    if len(customers) and not 0 <= customers.min() <= customers.max() < len(timelines):
        raise InputError(f"customer places must lie in 0..{len(timelines) - 1}")
    out = np.empty((len(customers), len(features)), np.float32)
    facts = (catalog.parent, catalog.category, catalog.brand, reference.category_price)
    program = compiled(features)
    rows = _columns(timelines.rows)
    chunk = max(1, min(CHUNK, -(-len(customers) // threads)))  # no thread without work

    def run(start: int) -> int:
        part = slice(start, start + chunk)
        _evaluate(
            timelines.offsets, *rows, customers[part], instants[part], *facts, program, out[part]
        )
        return len(out[part])

    with ThreadPoolExecutor(max_workers=threads) as pool:
        for done in pool.map(run, range(0, len(customers), chunk)):
            if progress is not None:
                progress(done)
    return out


def vector(
    timeline: Timeline,
    at: int,
    catalog: Catalog,
    reference: Reference,
    *,
    features: tuple[Feature, ...] = FEATURES,
) -> Matrix:
    """Features of one customer at an instant, shape (len(features),); as `matrix` gives them."""
    out = np.empty((1, len(features)), np.float32)
    _evaluate(
        np.array([0, len(timeline)], np.int64),
        *_columns(timeline),
        np.zeros(1, np.int64),
        np.array([at], np.int64),
        catalog.parent,
        catalog.category,
        catalog.brand,
        reference.category_price,
        compiled(features),
        out,
    )
    row: Matrix = out[0]
    return row


def _columns(rows: Timeline) -> tuple[npt.NDArray[np.generic], ...]:
    return (
        rows.at,
        rows.known_at,
        rows.known_until,
        rows.type,
        rows.channel,
        rows.product,
        rows.value,
        rows.quantity,
        rows.measure,
    )


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _evaluate(  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    offsets,
    at,
    known_at,
    known_until,
    type_,
    channel,
    product,
    value,
    quantity,
    measure,
    customers,
    instants,
    parent,
    category,
    brand,
    category_price,
    program,
    out,
):
    operations, codes, uses, edges, reads, ratios, key_rows = program
    state = np.empty((len(operations), STATE), np.float64)
    keys = np.empty((key_rows, KEY_LIMIT), np.int32)
    counts = np.empty((key_rows, KEY_LIMIT), np.int32)
    seen = np.empty(len(codes), np.int32)
    answer = np.empty(out.shape[1], np.float64)

    for i in range(len(customers)):
        now = instants[i]
        state[:] = 0.0
        seen[:] = 0
        edge = 0
        low = offsets[customers[i]]
        row = low + np.searchsorted(at[low : offsets[customers[i] + 1]], now)
        while row > low:
            row -= 1
            code = type_[row]
            if codes[code].start == codes[code].stop:
                continue
            if known_at[row] > now or known_until[row] <= now:
                continue
            if seen[code] >= codes[code].history:
                continue
            seen[code] += 1
            age = now - at[row]
            while age > edges[edge].length:
                _read(
                    edges[edge].start,
                    edges[edge].stop,
                    reads,
                    operations,
                    state,
                    keys,
                    counts,
                    answer,
                )
                edge += 1
            for k in range(codes[code].start, codes[code].stop):
                op = uses[k].operation
                do = operations[op]
                if age > do.until:
                    break
                if do.filtered and (
                    age <= do.after
                    or not (do.channels >> channel[row]) & 1
                    or value[row] < do.low
                    or value[row] > do.high
                    or (value[row] != value[row] and do.low == do.low)
                ):
                    continue
                cell = state[op]
                if do.kind == COUNT:
                    cell[0] += uses[k].weight
                elif do.kind == SINCE:
                    if cell[0] == 0.0:
                        cell[0] = 1.0
                        cell[1] = age
                    cell[2] = age
                elif do.kind == GAPS:
                    day = at[row] // DAY_MS
                    if cell[0] == 0.0:
                        cell[0] = 1.0
                        cell[1] = day
                    elif day < cell[1]:
                        gap = cell[1] - day
                        if cell[2] == 0.0:
                            cell[5] = gap
                        cell[2] += 1.0
                        cell[3] += gap
                        cell[4] += gap * gap
                        cell[1] = day
                elif do.kind == SESSIONS:
                    if cell[0] == 0.0 or cell[1] - at[row] > SESSION_GAP_MS:
                        cell[0] += 1.0
                    cell[1] = at[row]
                else:
                    if do.number == _VALUE:
                        x = float(value[row])
                    elif do.number == _QUANTITY:
                        x = float(quantity[row])
                    elif do.number == _MEASURE:
                        x = float(measure[row])
                    elif do.number == _CHANNEL:
                        x = float(channel[row])
                    else:
                        x = math.nan
                        p = product[row]
                        if 0 <= p < len(parent):
                            if do.number == _PRODUCT:
                                x = float(parent[p])
                            elif do.number == _CATEGORY:
                                x = float(category[p])
                            elif do.number == _BRAND:
                                x = float(brand[p])
                            elif 0 <= category[p] < len(category_price):
                                usual = category_price[category[p]]
                                x = float(measure[row]) / usual if usual > 0.0 else math.nan
                    if x != x:
                        continue
                    if do.kind == STATS:
                        if cell[0] == 0.0:
                            cell[2] = x
                            cell[4] = x
                            cell[5] = x
                        cell[0] += 1.0
                        cell[1] += uses[k].weight * x
                        cell[3] = x
                        cell[4] = min(cell[4], x)
                        cell[5] = max(cell[5], x)
                    elif do.kind == KEYS:
                        if x >= 0.0:
                            cell[1] += 1.0
                            held = np.int64(cell[0])
                            j = 0
                            while j < held and keys[do.keys, j] != x:
                                j += 1
                            if j < held:
                                counts[do.keys, j] += 1
                            elif j < KEY_LIMIT:
                                keys[do.keys, j] = np.int32(x)
                                counts[do.keys, j] = 1
                                cell[0] += 1.0
                    elif do.kind == HOPS:
                        if cell[0] == 0.0:
                            cell[0] = 1.0
                        elif cell[1] != x:
                            cell[2] += 1.0
                        cell[1] = x
                    else:
                        left = x - age / DAY_MS
                        if left > 0.0 and (cell[0] == 0.0 or left < cell[1]):
                            cell[0] = 1.0
                            cell[1] = left
        while edge < len(edges):
            _read(
                edges[edge].start, edges[edge].stop, reads, operations, state, keys, counts, answer
            )
            edge += 1
        for k in range(len(ratios)):
            over = answer[ratios[k].over]
            ratio = ratios[k].scale * answer[ratios[k].of] / over
            if ratio > ratios[k].most:
                ratio = ratios[k].most
            answer[ratios[k].feature] = ratio if over != 0.0 else math.nan
        out[i] = answer


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _read(start, stop, reads, operations, state, keys, counts, answer):  # type: ignore[no-untyped-def]  # compiled
    for k in range(start, stop):
        do = operations[reads[k].operation]
        how = reads[k].how
        cell = state[reads[k].operation]
        x = math.nan
        if do.kind == COUNT:
            x = max(cell[0], 0.0) if how == _OPEN else cell[0]
        elif do.kind == STATS:
            if how == _SUM:
                x = cell[1]
            elif cell[0] > 0.0:
                if how == _MEAN:
                    x = cell[1] / cell[0]
                elif how == _LAST:
                    x = cell[2]
                elif how == _FIRST:
                    x = cell[3]
                elif how == _MIN:
                    x = cell[4]
                elif how == _MAX:
                    x = cell[5]
        elif do.kind == SINCE:
            if cell[0] > 0.0:
                x = (cell[1] if how == _SINCE_LAST else cell[2]) / DAY_MS
        elif do.kind == GAPS:
            if how == _GAP_MEAN:
                x = cell[3] / cell[2] if cell[2] > 0.0 else math.nan
            elif how == _GAP_SD:
                if cell[2] > 1.0:
                    mean = cell[3] / cell[2]
                    x = math.sqrt(max(0.0, cell[4] / cell[2] - mean * mean))
            elif cell[2] > 0.0:
                x = cell[5]
        elif do.kind == KEYS:
            if how == _DISTINCT:
                x = cell[0]
            elif cell[0] >= reads[k].rank:
                best = _nth(counts[do.keys], np.int64(cell[0]), reads[k].rank)
                x = float(keys[do.keys, best]) if how == _TOP else counts[do.keys, best] / cell[1]
        elif do.kind == SESSIONS:
            x = cell[0]
        elif do.kind == HOPS:
            x = cell[2]
        elif cell[0] > 0.0:
            x = cell[1]
        answer[reads[k].feature] = x


@nb.njit(nogil=True, cache=True)
def _nth(counts, held, rank):  # type: ignore[no-untyped-def]  # compiled
    """The place of the rank-th largest count; of equal ones the earlier is larger."""
    best = -1
    for _ in range(rank):
        last = best
        best = -1
        for j in range(held):
            after = last < 0 or counts[j] < counts[last] or (counts[j] == counts[last] and j > last)
            if after and (best < 0 or counts[j] > counts[best]):
                best = j
    return best
