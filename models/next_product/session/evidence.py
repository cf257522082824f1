"""What past sessions say of the present one: candidates for its next step, and columns of each.

Nearest sessions as in VMIS-kNN (Kersbergen et al. 2022, Serenade), their votes weighted as in
STAN (Garg et al. 2019): by how lately the present session saw the shared product, by the age of
the past session, and by how close to the shared product it saw the candidate. Beside them steps
that followed or preceded the last two products (sequential rules, Kamehkhosh et al. 2017), and
what the present session itself has seen.
"""

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from models.next_product.session.index import Arrays

PRESENT_STEPS = 100
"""The present session's latest steps; those before say nothing of the next."""

QUERIES = 10
"""Different products of the present session, the latest, by which past sessions are found."""

NEWEST = 200
"""Steps of a product, the newest, that are looked at: 200 to 1,000 answered alike."""

REACH = 15
"""Steps around the shared product at which a past session still has a say."""

PATIENCE = 2.0
"""Steps back in the present session at which a product says e times less."""

STRIDE = 3.0
"""Steps from the shared product in a past session at which a candidate counts e times less."""

HALF_LIFE = 1 / 3
"""The share of all sessions that have begun since, at which a past session counts half. A share
and not days: a tenth to all of them answered nearly alike, and sessions may come without times."""

CANDIDATES = 100
"""Of one present session."""

NEVER = 1000.0
"""`back` of a product that the present session has not seen."""

COLUMNS = (
    "neighbours",  # votes of the nearest sessions, of the best candidate's
    "ageless",  # the same, old sessions counting as much as new ones
    "strongest",  # the strongest vote, of the strongest of all
    "later",  # votes of sessions that saw it after the shared product
    "followed",  # steps after the last product, the nearer the more
    "preceded",  # steps before it
    "followed_previous",  # steps after the product before that
    "next_share",  # how often the last product was followed by it at once
    "back",  # steps back to where the present session saw it, 0 the last, or NEVER
    "times",  # how often the present session has seen it
    "revisits",  # the share of its steps that were returns to it
    "popularity",  # its steps in all sessions
    "steps",  # of the present session
    "products",  # different ones in the present session
    "place",  # by `neighbours`, 0 the best
)
"""What is known of a candidate; `steps` and `products` are alike for all of a session."""

_NEAR, _AGELESS, _STRONGEST, _LATER, _FOLLOWED, _PRECEDED, _PREVIOUS, _NEXT = range(8)
_VOTES = 8


@nb.njit(nogil=True, cache=True)
def evidence(
    past: Arrays, present: npt.NDArray[np.int32], own: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Candidates for the next step of a session.

    Arguments:
        past: sessions so far.
        present: products of the present session, the latest last; at least one, all of them in
            `past`'s catalogue.
        own: the past session that is the present one's beginning, which says nothing; or -1.

    Returns:
        Products, int32, in no order, and their columns, float32, shape (COLUMNS, products). The
        products of the present session come first, the latest first.
    """
    seen, back, times = _seen(present)
    sessions, shared, weight = _nearest(past, seen, back, own)
    ids, votes = _votes(past, seen, sessions, shared, weight, own)

    most = np.full(_VOTES, 1e-9, np.float32)
    for c in range(len(ids)):
        for vote in range(_VOTES):
            most[vote] = max(most[vote], votes[c, vote])
    merit = np.empty(len(ids), np.float32)
    for c in range(len(ids)):
        around = votes[c, _FOLLOWED] + 0.5 * votes[c, _PRECEDED]
        merit[c] = votes[c, _NEAR] / most[_NEAR] + 0.3 * around / most[_FOLLOWED]
        if c < len(seen):
            merit[c] += NEVER - c
    kept = _best(merit, CANDIDATES)

    last = seen[0]
    n_last = past.begin[last + 1] - past.begin[last]
    out = np.empty((len(COLUMNS), len(kept)), np.float32)
    for k in range(len(kept)):
        c = kept[k]
        product = ids[c]
        for vote in range(_NEXT):
            out[vote, k] = votes[c, vote] / most[vote]
        out[7, k] = votes[c, _NEXT] / (min(n_last, NEWEST) + 2)
        out[8, k] = back[c] if c < len(seen) else NEVER
        out[9, k] = times[c] if c < len(seen) else 0
        out[10, k] = past.revisits[product]
        out[11, k] = past.begin[product + 1] - past.begin[product]
        out[12, k] = len(present)
        out[13, k] = len(seen)
    order = np.argsort(-out[0], kind="mergesort")
    for place in range(len(kept)):
        out[14, order[place]] = place
    return ids[kept], out


@nb.njit(nogil=True, cache=True)
def _seen(present):  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    """Different products, the latest first; steps back to each; how often each was seen."""
    steps = len(present)
    seen = np.empty(steps, np.int32)
    back = np.empty(steps, np.int64)
    times = np.zeros(steps, np.int64)
    n = 0
    for b in range(min(steps, PRESENT_STEPS)):
        product = present[steps - 1 - b]
        c = 0
        while c < n and seen[c] != product:
            c += 1
        if c == n:
            seen[n], back[n] = product, b
            n += 1
        times[c] += 1
    return seen[:n], back[:n], times[:n]


@nb.njit(nogil=True, cache=True)
def _nearest(past, seen, back, own):  # type: ignore[no-untyped-def]  # compiled
    """Sessions that share products, the step of the latest one shared, and their weights."""
    room = 0
    for q in range(min(len(seen), QUERIES)):
        room += min(NEWEST, past.begin[seen[q] + 1] - past.begin[seen[q]])
    table = _table(room)
    sessions = np.empty(room, np.int32)
    shared = np.empty(room, np.int32)
    weight = np.zeros((room, 2), np.float32)
    n = 0
    for q in range(min(len(seen), QUERIES)):
        begin = past.begin[seen[q]]
        alike = math.exp(-back[q] / PATIENCE)
        before = -1
        for o in range(begin, min(past.begin[seen[q] + 1], begin + NEWEST)):
            step = past.step[o]
            session = past.session[step]
            if session in (before, own) or past.hidden[session]:
                continue
            before = session
            i, known = _numbered(table, sessions, n, session)
            if known > n:
                shared[i] = step
                n = known
            weight[i, 1] += alike
    for i in range(n):
        length = past.offsets[sessions[i] + 1] - past.offsets[sessions[i]]
        weight[i, 0] = weight[i, 1] / math.sqrt(length) * _youth(past, sessions[i])
    return sessions[:n], shared[:n], weight[:n]


@nb.njit(nogil=True, cache=True)
def _votes(past, seen, sessions, shared, weight, own):  # type: ignore[no-untyped-def]  # compiled
    """Candidates, those seen first, and the votes for each, shape (candidates, _VOTES)."""
    room = len(seen)
    for i in range(len(sessions)):
        begin, end = _around(past, sessions[i], shared[i])
        room += end - begin
    for q in range(min(len(seen), 2)):
        begin = past.begin[seen[q]]
        for o in range(begin, min(past.begin[seen[q] + 1], begin + NEWEST)):
            start, stop = _around(past, past.session[past.step[o]], past.step[o])
            room += stop - start
    table = _table(room)
    ids = np.empty(room, np.int32)
    votes = np.zeros((room, _VOTES), np.float32)
    n = 0
    for product in seen:
        _, n = _numbered(table, ids, n, product)
    for i in range(len(sessions)):
        begin, end = _around(past, sessions[i], shared[i])
        for step in range(begin, end):
            c, n = _numbered(table, ids, n, past.product[step])
            ahead = step - shared[i]
            near = math.exp(-abs(ahead) / STRIDE)
            votes[c, _NEAR] += weight[i, 0] * near
            votes[c, _AGELESS] += weight[i, 1] * near
            votes[c, _STRONGEST] = max(votes[c, _STRONGEST], weight[i, 0] * near)
            if ahead > 0:
                votes[c, _LATER] += weight[i, 0] / ahead
    for q in range(min(len(seen), 2)):
        begin = past.begin[seen[q]]
        for o in range(begin, min(past.begin[seen[q] + 1], begin + NEWEST)):
            session = past.session[past.step[o]]
            if session != own and not past.hidden[session]:
                n = _around_one(past, past.step[o], q == 1, table, ids, n, votes)
    return ids[:n], votes[:n]


@nb.njit(nogil=True, cache=True)
def _around_one(past, at, previous, table, ids, n, votes):  # type: ignore[no-untyped-def]  # compiled
    """Count the steps around one step of the last product, or of the previous one."""
    session = past.session[at]
    recent = _youth(past, session)
    begin, end = _around(past, session, at)
    for step in range(begin, end):
        if step == at or (previous and step < at):
            continue
        c, n = _numbered(table, ids, n, past.product[step])
        if previous:
            votes[c, _PREVIOUS] += recent / (step - at)
        elif step < at:
            votes[c, _PRECEDED] += recent / (at - step)
        else:
            votes[c, _FOLLOWED] += recent / (step - at)
            votes[c, _NEXT] += recent if step == at + 1 else 0.0
    return n


@nb.njit(nogil=True, cache=True)
def _youth(past, session):  # type: ignore[no-untyped-def]  # compiled
    """1 for the newest session, halved with each HALF_LIFE."""
    since = len(past.hidden) - session
    return math.exp2(-since / (len(past.hidden) * HALF_LIFE))


@nb.njit(nogil=True, cache=True)
def _numbered(table, keys, n, key):  # type: ignore[no-untyped-def]  # compiled
    """The place of a key among n, where it may be the next, and how many there are then."""
    slot = _slot(table, keys, key)
    if table[slot] == 0:
        keys[n] = key
        n += 1
        table[slot] = n
    return table[slot] - 1, n


@nb.njit(nogil=True, cache=True)
def _around(past, session, step):  # type: ignore[no-untyped-def]  # compiled
    """The steps of a session within reach of one of them."""
    begin = max(past.offsets[session], step - REACH)
    return begin, min(past.offsets[session + 1], step + REACH + 1)


@nb.njit(nogil=True, cache=True)
def _best(merit, most):  # type: ignore[no-untyped-def]  # compiled
    """Places of the best, in their order; the earlier wins a tie."""
    if len(merit) <= most:
        return np.arange(len(merit))
    least = np.partition(merit, len(merit) - most)[len(merit) - most]
    ties = most - (merit > least).sum()
    kept = np.empty(most, np.int64)
    n = 0
    for c in range(len(merit)):
        if merit[c] > least or (merit[c] == least and ties > 0):
            ties -= merit[c] == least
            kept[n] = c
            n += 1
    return kept


@nb.njit(nogil=True, cache=True)
def _table(room):  # type: ignore[no-untyped-def]  # compiled
    """An empty hash table with open addressing, at most half full: it holds places plus one."""
    size = 64
    while size < 2 * room:
        size *= 2
    return np.zeros(size, np.int32)


@nb.njit(nogil=True, cache=True)
def _slot(table, keys, key):  # type: ignore[no-untyped-def]  # compiled
    """Where a key stands, or would stand."""
    mask = len(table) - 1
    # Fibonacci hashing: neighbouring numbers are put far apart
    slot = ((key * 2654435769) >> 12) & mask
    while table[slot] != 0 and keys[table[slot] - 1] != key:
        slot = (slot + 1) & mask
    return slot
