"""Proposals and ranker rows of many customers at one instant, for training and evaluation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.compute import matrix
from features.pairs import pair_matrix
from features.reference import Reference
from features.timeline import Timelines
from models.declared import features_named
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.rows import Proposals, assemble, joined, propose

BLOCK_SCORES = 4_000_000
"""Scores held at once per generator: customers × products, 16 MB."""


@dataclass(frozen=True)
class Batch:
    """Fitted generators, and how the ranker's rows are made from what they propose."""

    generators: Sequence[Candidates]
    candidates: int
    """Length of each generator's list."""
    customer_features: tuple[str, ...]
    timelines: Timelines
    catalog: Catalog
    reference: Reference
    threads: int

    def proposals(
        self, customers: npt.NDArray[np.int64], at: int, shown: npt.NDArray[np.bool_]
    ) -> Iterator[tuple[int, Proposals]]:
        """Blocks of customers: the place of the first of them, and their candidates.

        Nothing is proposed to strangers, here as for one: they get what is popular, unranked.
        """
        size = max(1, BLOCK_SCORES // max(1, len(self.catalog)))
        nothing = np.zeros_like(shown)
        for begin in range(0, len(customers), size):
            part = customers[begin : begin + size]
            instants = np.full(len(part), at, np.int64)
            histories = Histories.of(self.timelines, part, instants, self.catalog)
            scores = [generator.scores(histories) for generator in self.generators]
            some = np.diff(histories.offsets) > 0
            lists = [
                propose([s[i] for s in scores], self.candidates, shown if some[i] else nothing)
                for i in range(len(part))
            ]
            yield begin, joined(lists, len(self.generators))

    def rows(
        self, proposals: Proposals, customers: npt.NDArray[np.int64], at: int
    ) -> npt.NDArray[np.float32]:
        """The ranker's rows of these proposals, float32, shape (candidates, columns)."""
        instants = np.full(len(customers), at, np.int64)
        pair = pair_matrix(
            self.timelines,
            customers,
            instants,
            proposals.products,
            proposals.offsets,
            self.catalog,
            self.reference,
            threads=self.threads,
        )
        customer = matrix(
            self.timelines,
            customers,
            instants,
            self.catalog,
            self.reference,
            features=features_named(self.customer_features),
            threads=self.threads,
        )
        return assemble(proposals, pair, customer, instants, self.catalog)
