"""The compiled loops that fill a list, place by place.

They stand in one file, since what is compiled is kept until its file changes.
"""

import numba as nb
import numpy as np

RANKED, PINNED, PROMOTED, EXPLORED = range(4)
"""How a product came to its place."""


@nb.njit(cache=True)
def fill(  # type: ignore[no-untyped-def]  # compiled
    relevance,
    ranked,
    path,
    brand,
    vectors,
    trade_off,
    pins,
    members,
    shares,
    new,
    epsilon,
    draws,
    diverse,
):
    """Fills place after place; see `arrange`."""
    n, k = len(relevance), len(pins)
    depth = depths(path)
    nearest = np.zeros(n)
    free = np.ones(n, np.bool_)
    for pin in pins:
        if pin >= 0:
            free[pin] = False
    everything = np.ones(n, np.bool_)
    held = np.zeros(len(shares), np.int64)
    places = np.empty(k, np.int64)
    propensity = np.ones(k)
    how = np.zeros(k, np.int64)
    promotion = np.full(k, -1, np.int64)
    left = new.copy()
    begin = 0
    for slot in range(k):
        chosen = pins[slot]
        if chosen >= 0:
            how[slot] = PINNED
        if chosen < 0:
            for r in range(len(shares)):
                if chosen < 0 and held[r] < np.floor(shares[r] * (slot + 1) + 1e-9):
                    chosen = _best(relevance, nearest, trade_off, free, members[r], 0, ranked)
                    if chosen >= 0:
                        how[slot] = PROMOTED
                        promotion[slot] = r
        if chosen < 0:
            while begin < n and not free[begin]:
                begin += 1
            if slot < diverse:
                chosen = _best(relevance, nearest, trade_off, free, everything, begin, ranked)
            elif begin < n:
                chosen = begin
            weight = 0.0
            if epsilon > 0:
                for i in range(n):
                    if free[i]:
                        weight += left[i]
            if chosen >= 0 and weight > 0:
                own = chosen
                if draws[slot, 0] < epsilon:
                    point = draws[slot, 1] * weight
                    for i in range(n):
                        if free[i] and left[i] > 0:
                            chosen = i
                            point -= left[i]
                            if point < 0:
                                break
                    how[slot] = EXPLORED
                propensity[slot] = epsilon * left[chosen] / weight
                if chosen == own:
                    propensity[slot] += 1 - epsilon
                    how[slot] = RANKED
        places[slot] = chosen
        free[chosen] = False
        for r in range(len(shares)):
            held[r] += members[r, chosen]
        if trade_off < 1 and slot < diverse:
            _draw_near(nearest, path, depth, brand, vectors, chosen, ranked)
    return places, propensity, how, promotion


@nb.njit(cache=True)
def _best(relevance, nearest, trade_off, free, member, begin, ranked):  # type: ignore[no-untyped-def]  # compiled
    """The free member that is worth most of those ranked, else the first of the others."""
    best, best_worth = -1, -np.inf
    for i in range(begin, ranked):
        if free[i] and member[i]:
            worth = trade_off * relevance[i] - (1 - trade_off) * nearest[i]
            if worth > best_worth:
                best, best_worth = i, worth
    if best >= 0:
        return best
    for i in range(max(begin, ranked), len(relevance)):
        if free[i] and member[i]:
            return i
    return best


@nb.njit(cache=True)
def diverse(relevance, path, brand, vectors, k, trade_off):  # type: ignore[no-untyped-def]  # compiled
    """See `mmr`."""
    n = len(relevance)
    depth = depths(path)
    nearest = np.zeros(n)
    used = np.zeros(n, np.bool_)
    out = np.empty(k, np.int64)
    for slot in range(k):
        best, best_worth = -1, -np.inf
        for i in range(n):
            worth = trade_off * relevance[i] - (1 - trade_off) * nearest[i]
            if not used[i] and worth > best_worth:
                best, best_worth = i, worth
        out[slot] = best
        used[best] = True
        if trade_off < 1:
            _draw_near(nearest, path, depth, brand, vectors, best, n)
    return out


@nb.njit(cache=True, inline="always")  # a call costs more than what it computes
def alike(path, depth, brand, vectors, i, j):  # type: ignore[no-untyped-def]  # compiled
    """See `similarity`; `depth` is how many levels each path has."""
    if vectors.shape[1] > 0:
        cosine = 0.0
        for d in range(vectors.shape[1]):
            cosine += vectors[i, d] * vectors[j, d]
        return max(cosine, 0.0)
    same = 0
    shallow = min(depth[i], depth[j])
    while same < shallow and path[i, same] == path[j, same]:
        same += 1
    out = 0.5 * same / max(depth[i], depth[j]) if same > 0 else 0.0
    if brand[i] >= 0 and brand[i] == brand[j]:
        out += 0.5
    return out


@nb.njit(cache=True)
def _draw_near(nearest, path, depth, brand, vectors, chosen, n):  # type: ignore[no-untyped-def]  # compiled
    """Notes how much each of the first `n` is like what was chosen, where more than before."""
    for i in range(n):
        nearest[i] = max(nearest[i], alike(path, depth, brand, vectors, i, chosen))


@nb.njit(cache=True)
def depths(path):  # type: ignore[no-untyped-def]  # compiled
    """How many levels each path has."""
    out = np.zeros(len(path), np.int64)
    for i in range(len(path)):
        while out[i] < path.shape[1] and path[i, out[i]] >= 0:
            out[i] += 1
    return out
