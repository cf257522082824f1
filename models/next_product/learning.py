"""What the next-product model learns from: fitted generators, and candidates of past periods."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.consents import PROFILING
from features.errors import NotEnoughDataError
from features.instants import iso
from features.timeline import Timelines
from models.next_product.batch import Batch, Block
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Shown
from models.next_product.period import Period
from models.next_product.shelf.refills import Refills
from models.next_product.shelf.withheld import Personal


@dataclass(frozen=True)
class Examples:
    """Candidates of customers who ordered, customer after customer."""

    rows: npt.NDArray[np.float32]
    """Shape (n, columns)."""
    bought: npt.NDArray[np.bool_]
    group: npt.NDArray[np.int64]
    """Number of rows of each customer."""
    weight: npt.NDArray[np.float32]
    """A row kept from ten stands for ten."""

    @classmethod
    def joined(cls, parts: Sequence["Examples"]) -> "Examples":
        """One after another."""
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.bought for part in parts]),
            np.concatenate([part.group for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )


def examples(
    batch: Batch, period: Period, refills: Refills, negatives_share: float, seed: int
) -> Iterable[Examples]:
    """Candidates as of a period's beginning, and which of them were bought in it.

    They are what lists are made of: what must not be shown to a customer is not learnt from.

    Arguments:
        batch: generators fitted on what came before the period.
        period: customers who ordered, and what.
        refills: what people buy again, fitted on the same.
        negatives_share: of the candidates not bought; they stand for all of them, by their weight.
        seed: of that draw.
    """

    def drawn(block: Block) -> Examples:
        proposals = block.proposals
        bought = period.bought(proposals, block.begin)
        chance = np.random.default_rng([seed, block.begin]).random(len(bought))
        kept = np.flatnonzero(bought | (chance < negatives_share))
        group = np.diff(np.searchsorted(kept, proposals.offsets)).astype(np.int64)
        weight = np.where(bought[kept], 1.0, 1.0 / negatives_share)
        rows = batch.rows(block, period.at)[kept]
        return Examples(rows, bought[kept], group, weight.astype(np.float32))

    there = batch.catalog.first_seen_at < period.at
    parents = np.zeros(len(batch.catalog), np.bool_)
    parents[batch.catalog.parent[there]] = True
    did = Personal.of_many(batch.timelines, period.customers, period.at, batch.catalog, refills)
    shown = Shown(parents, did.offsets, did.products)
    return batch.each(period.customers, period.at, shown, drawn)


def fitted(generators: Sequence[Candidates], histories: Histories) -> list[Candidates]:
    """Copies of generators, fitted on these histories."""
    return [copy.deepcopy(generator).fit(histories) for generator in generators]


def everyone(timelines: Timelines, catalog: Catalog, at: int) -> Histories:
    """What everybody who allows to be profiled did before an instant.

    Raises:
        NotEnoughDataError: nobody bought anything before it.
    """
    customers = np.flatnonzero(timelines.allowing(PROFILING, at)).astype(np.int64)
    instants = np.full(len(customers), at, np.int64)
    histories = Histories.of(timelines, customers, instants, catalog)
    if not len(histories.product):
        raise NotEnoughDataError(
            f"nobody bought anything before {iso(at)}; import orders with their lines"
        )
    return histories
