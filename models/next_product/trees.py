"""Boosted trees on the hot path: LightGBM's answers, some ten times sooner for few rows.

Each tree is a set of tests and a word with one bit per leaf, the leftmost leaf lowest. A test that
a row fails takes the leaves on its left out; the lowest bit left is the leaf (QuickScorer, Lucchese
et al. 2015). Test after test over all rows at once, so that the compiler can use vectors.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm as lgb
import numba as nb
import numpy as np
import numpy.typing as npt

from features.errors import InputError
from models.next_product.arrays import read_array, write_array

MOST_LEAVES = 64
"""Bits of the longest word; trees of half as many leaves have words half as long."""

_DE_BRUIJN = 0x03F79D71B4CB0A89
"""Times a power of two, its upper six bits differ for each of the 64 (Leiserson et al. 1998)."""


@dataclass(frozen=True)
class Trees:
    """Trees over columns without categories; a missing value is NaN."""

    offsets: npt.NDArray[np.int32]
    """Tests of tree `t` are `offsets[t]:offsets[t + 1]` of the next three."""
    column: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    """A value above it fails."""
    missing_fails: npt.NDArray[np.bool_]
    """Whether a missing value fails."""
    kept: npt.NDArray[Any]
    """The leaves that a row which fails may still reach, uint32 or uint64."""
    leaves: npt.NDArray[np.float64]
    """Values, shape (trees, MOST_LEAVES), each at the place its bit hashes to."""

    @classmethod
    def of(cls, *boosters: lgb.Booster) -> "Trees":
        """The trees of fitted boosters, whose answers are added.

        Raises:
            InputError: a tree has more than MOST_LEAVES leaves, or asks for categories, or reads
                0 as missing.
        """
        trees = [tree for booster in boosters for tree in booster.dump_model()["tree_info"]]
        leaves = np.zeros((len(trees), MOST_LEAVES))
        tests: list[_Test] = []
        offsets = [0]
        for t, tree in enumerate(trees):
            values: list[float] = []
            _walk(tree["tree_structure"], values, tests)
            if len(values) > MOST_LEAVES:
                raise InputError(f"a tree has {len(values)} leaves; at most {MOST_LEAVES} fit")
            bits = [(1 << leaf) * _DE_BRUIJN % 2**64 >> 58 for leaf in range(len(values))]
            leaves[t, bits] = values
            offsets.append(len(tests))
        word = np.uint32 if all(test.leaves <= 32 for test in tests) else np.uint64
        most = int(np.iinfo(word).max)
        exact = np.array([test.threshold for test in tests])
        with np.errstate(over="ignore"):  # where only a missing value fails
            rounded = exact.astype(np.float32)
        # a float32 is above the exact threshold just when it is above this
        below = np.nextafter(rounded, np.float32(-np.inf))
        return cls(
            offsets=np.array(offsets, np.int32),
            column=np.array([test.column for test in tests], np.int32),
            threshold=np.where(rounded > exact, below, rounded).astype(np.float32),
            missing_fails=np.array([test.missing_fails for test in tests], np.bool_),
            kept=np.array([test.kept & most for test in tests], word),
            leaves=leaves,
        )

    def raw(self, columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """What `Booster.predict(…, raw_score=True)` gives, added over the boosters.

        Arguments:
            columns: of the rows, shape (columns, rows): one column after another.
        """
        columns = np.ascontiguousarray(columns)
        out: npt.NDArray[np.float64] = _sums(
            columns,
            self.offsets,
            self.column,
            self.threshold,
            self.missing_fails,
            self.kept,
            self.leaves,
        )
        return out

    def save(self, folder: Path) -> None:
        """Write one .npy per field into an existing folder."""
        for name in self.__dataclass_fields__:
            write_array(folder, f"trees_{name}", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "Trees":
        """Read what `save` wrote."""
        fields = cls.__dataclass_fields__
        return cls(**{name: read_array(folder, f"trees_{name}", mode="c") for name in fields})


class _Test(NamedTuple):
    column: int
    threshold: float
    missing_fails: bool
    kept: int
    leaves: int
    """Of the whole tree so far."""


def _walk(node: dict[str, Any], values: list[float], tests: list[_Test]) -> None:
    """Add a subtree's leaves, from the left, and its tests."""
    if "split_feature" not in node:
        values.append(float(node["leaf_value"]))
        return
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise InputError(
            f"a tree tests {node['decision_type']} with missing values {node['missing_type']}; "
            "only numbers can be scored, of which 0 is none that is missing"
        )
    begin = len(values)
    _walk(node["left_child"], values, tests)
    on_the_left = (1 << len(values)) - (1 << begin)
    # where no value was missing when it was learnt, LightGBM reads a missing one as 0
    left = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
    place = len(tests)
    _walk(node["right_child"], values, tests)
    kept = (1 << MOST_LEAVES) - 1 & ~on_the_left
    test = _Test(node["split_feature"], node["threshold"], not left, kept, len(values))
    tests.insert(place, test)


@nb.njit(nogil=True, cache=True)
def _sums(  # type: ignore[no-untyped-def]  # compiled: Numba infers the types
    columns, offsets, column, threshold, missing_fails, kept, leaves
):
    rows = columns.shape[1]
    out = np.zeros(rows)
    reached = np.zeros(rows, kept.dtype)
    every = ~np.zeros(1, kept.dtype)[0]
    for tree in range(len(offsets) - 1):
        reached[:] = every
        for test in range(offsets[tree], offsets[tree + 1]):
            values = columns[column[test]]
            most = threshold[test]
            mask = kept[test]
            if missing_fails[test]:
                for row in range(rows):
                    reached[row] &= every if values[row] <= most else mask
            else:
                for row in range(rows):
                    reached[row] &= mask if values[row] > most else every
        for row in range(rows):
            bits = np.uint64(reached[row])
            lowest = bits & (~bits + np.uint64(1))
            out[row] += leaves[tree, (lowest * np.uint64(_DE_BRUIJN)) >> np.uint64(58)]
    return out
