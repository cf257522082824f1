"""Proposals and ranker rows of many customers at one instant, for training and batch work."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # no stubs

from features.catalog import Catalog
from features.compute import matrix
from features.pairs import pair_matrix
from features.reference import Reference
from features.timeline import Timelines
from models.declared import features_named
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Opinions, Shown
from models.next_product.rows import Proposals, assemble, propose

T = TypeVar("T")

BLOCK_SCORES = 4_000_000
"""Scores held at once per generator and thread: customers × products, 16 MB."""

AHEAD = 8
"""Blocks per thread that may wait to be taken; with one, threads stand idle where what is made of
blocks takes turns with them: 364 s instead of 266 for lists for 100,000 customers."""


@dataclass(frozen=True)
class Block:
    """Some customers, one after another, with what is proposed to them."""

    begin: int
    """Place of the first of them."""
    customers: npt.NDArray[np.int64]
    opinions: Sequence[Opinions]
    """What each generator thinks."""
    proposals: Proposals


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
    """Blocks that are worked on at once."""

    def each(
        self,
        customers: npt.NDArray[np.int64],
        at: int,
        shown: Shown,
        work: Callable[[Block], T],
    ) -> Iterator[T]:
        """What is made of each block of customers, in order.

        Nothing is proposed to strangers, here as for one: they get what is popular, unranked.

        Arguments:
            customers: places in the timelines, shape (n,).
            at: int64 ms UTC.
            shown: what may be shown to them.
            work: makes something of a block; called in several threads.
        """
        size = max(1, min(1_000, BLOCK_SCORES // max(1, len(self.catalog))))

        def one(begin: int) -> T:
            part = customers[begin : begin + size]
            instants = np.full(len(part), at, np.int64)
            histories = Histories.of(self.timelines, part, instants, self.catalog)
            opinions = [generator.opinions(histories) for generator in self.generators]
            known = np.diff(histories.offsets) > 0
            allowed = shown.part(begin, begin + len(part))
            proposals = propose(opinions, self.candidates, allowed, known)
            return work(Block(begin, part, opinions, proposals))

        # its threads would wait for each other, and for these
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.threads) as pool:
            coming: deque[Future[T]] = deque()
            for begin in range(0, len(customers), size):
                coming.append(pool.submit(one, begin))
                if len(coming) > AHEAD * self.threads:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()

    def rows(self, block: Block, at: int) -> npt.NDArray[np.float32]:
        """The ranker's rows of a block's proposals, float32, shape (candidates, columns)."""
        customers, proposals = block.customers, block.proposals
        instants = np.full(len(customers), at, np.int64)
        pair = pair_matrix(
            self.timelines,
            customers,
            instants,
            proposals.products,
            proposals.offsets,
            self.catalog,
            self.reference,
        )
        customer = matrix(
            self.timelines,
            customers,
            instants,
            self.catalog,
            self.reference,
            features=features_named(self.customer_features),
        )
        return assemble(proposals, pair, customer, instants, self.catalog)
