"""Boosted trees on the hot path: LightGBM's answers, some ten times sooner for few rows.

Each tree is a set of tests and a word with one bit per leaf, the leftmost leaf lowest. A test that
a row fails takes the leaves on its left out; the lowest bit left is the leaf (QuickScorer, Lucchese
et al. 2015). Test after test over all rows at once, so that the compiler can use vectors.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numba as nb
import numpy as np
import numpy.typing as npt

from features.errors import InputError
from models.next_product.arrays import read_array, write_array

MOST_LEAVES = 32
"""Bits of a word."""

_EVERY_LEAF = 0xFFFFFFFF
_DE_BRUIJN = 0x077CB531
"""Times a power of two, its upper five bits differ for each of the 32 (Leiserson et al. 1998)."""


@dataclass(frozen=True)
class Trees:
    """Trees over columns without missing values and without categories."""

    offsets: npt.NDArray[np.int32]
    """Tests of tree `t` are `offsets[t]:offsets[t + 1]` of the next three."""
    column: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    """A value above it fails."""
    kept: npt.NDArray[np.uint32]
    """The leaves that a row which fails may still reach."""
    leaves: npt.NDArray[np.float64]
    """Values, shape (trees, MOST_LEAVES), each at the place its bit hashes to."""

    @classmethod
    def of(cls, booster: lgb.Booster) -> "Trees":
        """The trees of a fitted booster.

        Raises:
            InputError: a tree has more than MOST_LEAVES leaves, or asks for missing values or
                for categories.
        """
        trees = booster.dump_model()["tree_info"]
        leaves = np.zeros((len(trees), MOST_LEAVES))
        tests: list[tuple[int, float, int]] = []
        offsets = [0]
        for t, tree in enumerate(trees):
            values: list[float] = []
            _walk(tree["tree_structure"], values, tests)
            if len(values) > MOST_LEAVES:
                raise InputError(f"a tree has {len(values)} leaves; at most {MOST_LEAVES} fit")
            bits = [(1 << leaf) * _DE_BRUIJN % 2**32 >> 27 for leaf in range(len(values))]
            leaves[t, bits] = values
            offsets.append(len(tests))
        exact = np.array([threshold for _, threshold, _ in tests])
        rounded = exact.astype(np.float32)
        # a float32 is above the exact threshold just when it is above this
        below = np.nextafter(rounded, np.float32(-np.inf))
        return cls(
            offsets=np.array(offsets, np.int32),
            column=np.array([column for column, _, _ in tests], np.int32),
            threshold=np.where(rounded > exact, below, rounded).astype(np.float32),
            kept=np.array([kept for _, _, kept in tests], np.uint32),
            leaves=leaves,
        )

    def raw(self, columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """What `Booster.predict(…, raw_score=True)` gives.

        Arguments:
            columns: of the rows, shape (columns, rows): one column after another.
        """
        columns = np.ascontiguousarray(columns)
        out: npt.NDArray[np.float64] = _sums(
            columns, self.offsets, self.column, self.threshold, self.kept, self.leaves
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


def _walk(node: dict[str, Any], values: list[float], tests: list[tuple[int, float, int]]) -> None:
    """Add a subtree's leaves, from the left, and its tests: column, threshold, leaves kept."""
    if "split_feature" not in node:
        values.append(float(node["leaf_value"]))
        return
    if node["decision_type"] != "<=" or node["missing_type"] != "None":
        raise InputError(
            f"a tree tests {node['decision_type']} with missing values {node['missing_type']}; "
            "only numbers that are always there can be scored"
        )
    begin = len(values)
    _walk(node["left_child"], values, tests)
    on_the_left = (1 << len(values)) - (1 << begin)
    tests.append((node["split_feature"], node["threshold"], _EVERY_LEAF & ~on_the_left))
    _walk(node["right_child"], values, tests)


@nb.njit(nogil=True, cache=True)
def _sums(columns, offsets, column, threshold, kept, leaves):  # type: ignore[no-untyped-def]
    rows = columns.shape[1]
    out = np.zeros(rows)
    reached = np.empty(rows, np.uint32)
    every = np.uint32(_EVERY_LEAF)
    for tree in range(len(offsets) - 1):
        reached[:] = every
        for test in range(offsets[tree], offsets[tree + 1]):
            values = columns[column[test]]
            most = threshold[test]
            mask = kept[test]
            for row in range(rows):
                reached[row] &= mask if values[row] > most else every
        for row in range(rows):
            bits = reached[row]
            lowest = np.uint32(bits & (~bits + np.uint32(1)))
            place = np.uint32(lowest * np.uint32(_DE_BRUIJN)) >> np.uint32(27)
            out[row] += leaves[tree, place]
    return out
