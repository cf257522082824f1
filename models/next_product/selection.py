"""The best products of many customers at once, compiled.

All keep the `k` highest scores above 0 of each customer in a heap with the worst on top, so that
most products cost one comparison; of equal scores the lower index wins.
"""

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True)
def best_of_sparse(  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    offsets, products, scores, k, shown, out_of, withheld
):
    """The best of each row's entries, and where each row's begin; see `Opinions.top`."""
    rows, mine = len(offsets) - 1, np.zeros(len(shown), np.int32)
    found, worth = np.empty((rows, k), np.int32), np.empty((rows, k), np.float32)
    count = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        for place in range(out_of[row], out_of[row + 1]):
            mine[withheld[place]] = row + 1
        own, its_worth = found[row], worth[row]
        held, least = 0, np.float32(0)
        for place in range(offsets[row], offsets[row + 1]):
            product, score = products[place], scores[place]
            if score < least:
                continue
            if product < len(shown) and shown[product] and mine[product] != row + 1:
                held = _offer(own, its_worth, held, k, product, score)
                if held == k > 0:
                    least = its_worth[0]
        _sort(own, its_worth, held)
        count[row + 1] = count[row] + held
    return count, *_joined(found, worth, count)


@nb.njit(nogil=True, cache=True)
def best_of_dense(scores, k, shown, out_of, withheld):  # type: ignore[no-untyped-def]
    """As `best_of_sparse`, of scores of shape (rows, products)."""
    rows, width = scores.shape
    mine = np.zeros(len(shown), np.int32)
    found, worth = np.empty((rows, k), np.int32), np.empty((rows, k), np.float32)
    count = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        for place in range(out_of[row], out_of[row + 1]):
            mine[withheld[place]] = row + 1
        held, least = 0, np.float32(0)
        for product in range(min(width, len(shown))):
            score = scores[row, product]
            if score > least and shown[product] and mine[product] != row + 1:
                held = _offer(found[row], worth[row], held, k, product, score)
                if held == k > 0:
                    least = worth[row, 0]
        _sort(found[row], worth[row], held)
        count[row + 1] = count[row] + held
    return count, *_joined(found, worth, count)


@nb.njit(nogil=True, cache=True)
def first_of(order, scores, k, rows, out_of, withheld):  # type: ignore[no-untyped-def]
    """The first `k` products of one order for each row, but for what is withheld from it."""
    mine = np.zeros(len(scores), np.int32)
    found, worth = np.empty((rows, k), np.int32), np.empty((rows, k), np.float32)
    count = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        for place in range(out_of[row], out_of[row + 1]):
            if withheld[place] < len(mine):
                mine[withheld[place]] = row + 1
        held = 0
        for product in order:
            if held == k:
                break
            if mine[product] != row + 1:
                found[row, held], worth[row, held] = product, scores[product]
                held += 1
        count[row + 1] = count[row] + held
    return count, *_joined(found, worth, count)


@nb.njit(nogil=True, cache=True)
def looked_up(offsets, products, scores, ends, candidates, width):  # type: ignore[no-untyped-def]
    """The score of each row's candidates, 0 where the row has none."""
    whose, value = np.zeros(width, np.int32), np.empty(width, np.float32)
    out = np.zeros(len(candidates), np.float32)
    for row in range(len(offsets) - 1):
        for place in range(offsets[row], offsets[row + 1]):
            whose[products[place]], value[products[place]] = row + 1, scores[place]
        for place in range(ends[row], ends[row + 1]):
            if candidates[place] < width and whose[candidates[place]] == row + 1:
                out[place] = value[candidates[place]]
    return out


@nb.njit(nogil=True, cache=True)
def products_of(left, right, ends, candidates):  # type: ignore[no-untyped-def]
    """The dot product of each row's vector with those of its candidates, 0 where there is none.

    In one order of summation whatever else is asked, so that one customer gets the very score
    that the customer gets among many.
    """
    out = np.zeros(len(candidates), np.float32)
    for row in range(len(ends) - 1):
        for place in range(ends[row], ends[row + 1]):
            if candidates[place] < len(right):
                total = np.float32(0)
                for factor in range(left.shape[1]):
                    total += left[row, factor] * right[candidates[place], factor]
                out[place] = total
    return out


@nb.njit(nogil=True, cache=True)
def spread(offsets, products, weights, to, others, shares, width):  # type: ignore[no-untyped-def]
    """Each row's weights passed on to other products: a sparse row times a sparse matrix.

    Arguments:
        offsets: entries of row `i` are `offsets[i]:offsets[i + 1]` of products and weights.
        products: those that `to` knows count.
        weights: one per entry.
        to: others and shares of product `p` are `to[p]:to[p + 1]`.
        others: the products it is passed on to.
        shares: what part of the weight.
        width: number of others there can be.

    Returns:
        Offsets, products and sums of the rows.
    """
    rows, known, room = len(offsets) - 1, len(to) - 1, 0
    for row in range(rows):
        reached = 0
        for place in range(offsets[row], offsets[row + 1]):
            if products[place] < known:
                reached += to[products[place] + 1] - to[products[place]]
        room += min(reached, width)
    found, sums = np.empty(room, np.int32), np.zeros(room, np.float32)
    ends = np.zeros(rows + 1, np.int64)
    whose, at = np.zeros(width, np.int32), np.empty(width, np.int64)
    n = 0
    for row in range(rows):
        for place in range(offsets[row], offsets[row + 1]):
            if products[place] >= known:
                continue
            for other in range(to[products[place]], to[products[place] + 1]):
                product = others[other]
                if whose[product] != row + 1:
                    whose[product], at[product], found[n] = row + 1, n, product
                    n += 1
                sums[at[product]] += weights[place] * shares[other]
        ends[row + 1] = n
    return ends, found[:n], sums[:n]


@nb.njit(nogil=True, cache=True)
def _worse(found, worth, a, b):  # type: ignore[no-untyped-def]
    return worth[a] < worth[b] or (worth[a] == worth[b] and found[a] > found[b])


@nb.njit(nogil=True, cache=True)
def _down(found, worth, held, place):  # type: ignore[no-untyped-def]
    while True:
        worst = place
        for child in (2 * place + 1, 2 * place + 2):
            if child < held and _worse(found, worth, child, worst):
                worst = child
        if worst == place:
            return
        found[place], found[worst] = found[worst], found[place]
        worth[place], worth[worst] = worth[worst], worth[place]
        place = worst


@nb.njit(nogil=True, cache=True)
def _offer(found, worth, held, k, product, score):  # type: ignore[no-untyped-def]
    """How many are held after a product was offered to a heap of at most `k`."""
    if not score > 0:
        return held
    if held < k:
        found[held], worth[held] = product, score
        held += 1
        if held == k:
            for place in range(k // 2 - 1, -1, -1):
                _down(found, worth, k, place)
    elif k and (score > worth[0] or (score == worth[0] and product < found[0])):
        found[0], worth[0] = product, score
        _down(found, worth, k, 0)
    return held


@nb.njit(nogil=True, cache=True)
def _sort(found, worth, held):  # type: ignore[no-untyped-def]
    """Best first, of what need be no heap yet."""
    for place in range(held // 2 - 1, -1, -1):
        _down(found, worth, held, place)
    for last in range(held - 1, 0, -1):
        found[0], found[last] = found[last], found[0]
        worth[0], worth[last] = worth[last], worth[0]
        _down(found, worth, last, 0)


@nb.njit(nogil=True, cache=True)
def _joined(found, worth, count):  # type: ignore[no-untyped-def]
    products = np.empty(count[-1], np.int32)
    scores = np.empty(count[-1], np.float32)
    for row in range(len(count) - 1):
        held = count[row + 1] - count[row]
        products[count[row] : count[row + 1]] = found[row, :held]
        scores[count[row] : count[row + 1]] = worth[row, :held]
    return products, scores
