"""The next-product model: generators propose, the ranker orders, and every item has a reason."""

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from features.errors import BundleError
from features.events.erasures import Erased
from features.reference import Reference
from features.timeline import Timeline, Timelines
from models.next_product.batch import Batch, Block
from models.next_product.candidate import Candidates
from models.next_product.generators import GENERATORS
from models.next_product.learning import Examples, everyone, examples, fitted
from models.next_product.opinions import Shown
from models.next_product.page import page
from models.next_product.period import Period
from models.next_product.placements import Placement
from models.next_product.popular import Popular
from models.next_product.query import Ask, Query
from models.next_product.ranker import Ranker
from models.next_product.recommendation import Recommendation
from models.next_product.rows import CUSTOMER_FEATURES, Proposals, column_names
from models.next_product.shelf.may import May
from models.next_product.shelf.refills import Refills
from models.next_product.shelf.showing import filling, sellable
from models.next_product.shelf.withheld import Personal

AS_RANKED = Placement(
    name="ranked",
    title="As ranked",
    diversity=1.0,
    exploration=0.0,
    rotation_days=0.0,
    shows=("anchor",),
)
"""A list that nothing but the ranker orders; what is in the cart may stand on it."""

MIN_BOUGHT = 50
"""Candidates that must have been bought for a ranker to be learnt; below, generators decide."""


class NextProductModel:
    """Recommends products to one customer (`recommend`) or to many (`rank`).

    Arguments:
        generators: unfitted candidate generators; one of them is `Popular`, which also fills
            lists up. All of GENERATORS with their defaults when None.
        candidates: length of each generator's list.
        ranker: unfitted; its default settings when None.
        negatives_share: share of the candidates not bought that the ranker learns from.
        seed: of that draw.
        threads: of the feature kernel in batch work.
    """

    def __init__(
        self,
        generators: Sequence[Candidates] | None = None,
        *,
        candidates: int = 100,
        ranker: Ranker | None = None,
        negatives_share: float = 0.3,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.generators: list[Candidates] = (
            [kind() for kind in GENERATORS] if generators is None else list(generators)
        )
        self.candidates = candidates
        self.ranker = ranker if ranker is not None else Ranker(seed=seed, threads=threads)
        self.negatives_share = negatives_share
        self.seed = seed
        self.threads = threads
        self.customer_features_: tuple[str, ...] = CUSTOMER_FEATURES
        self.horizon_days_ = 0
        self.refills_ = Refills()

    def fit(
        self,
        timelines: Timelines,
        catalog: Catalog,
        periods: Iterable[Period],
        at: int,
        horizon_days: int,
        *,
        progress: Callable[[str, int], None] | None = None,
    ) -> Self:
        """Learn to rank on past periods, then fit the generators on all until `at`.

        For each period generators and facts come from before it, labels from within it.

        Arguments:
            timelines: all customers, anonymous baskets included; who does not allow to be
                profiled is not learnt from.
            catalog: the numbering the timelines' products refer to.
            periods: past periods, oldest first, all over by `at`.
            at: the instant the model is fitted for; nothing from it on is used.
            horizon_days: the length of the periods.
            progress: called with a stage's name and how many of its steps are done.

        Raises:
            NotEnoughDataError: nobody bought anything before `at`.
        """
        parts: list[Examples] = []
        told = progress or _untold
        told("rank candidates", 0)
        for period in periods:
            before = everyone(timelines, catalog, period.at)
            generators = fitted(self.generators, before)
            batch = self.batch(generators, timelines, catalog, period.reference)
            refills = Refills().fit(before, catalog)
            parts += examples(batch, period, refills, self.negatives_share, self.seed)
            told("rank candidates", 1)
        told("fit generators", 0)
        histories = everyone(timelines, catalog, at)
        self.generators = fitted(self.generators, histories)
        self.refills_ = Refills().fit(histories, catalog)
        self.horizon_days_ = horizon_days
        told("fit generators", 1)
        told("fit ranker", 0)
        if sum(int(part.bought.sum()) for part in parts) >= MIN_BOUGHT:
            learnt = Examples.joined(parts)
            self.ranker.fit(learnt.rows, learnt.bought, learnt.group, learnt.weight, self.columns)
        told("fit ranker", 1)
        return self

    def recommend(
        self,
        timeline: Timeline,
        at: int,
        k: int,
        *,
        catalog: Catalog,
        reference: Reference,
        exclude: Sequence[int] = (),
    ) -> Sequence[Recommendation]:
        """The `k` products that rank first for one customer: `page` with one list, left as ranked.

        Arguments:
            timeline: the customer's; empty for a stranger, who gets what is popular.
            at: int64 ms UTC; only what was known before it counts.
            k: how many.
            catalog: the present catalogue, which extends the one the model was fitted on.
            reference: the bundle's population facts, `extended` to the catalogue.
            exclude: products (any variant) not to show.

        Raises:
            InputError: k is negative.
        """
        query = Query([Ask(AS_RANKED, k)], exclude=exclude)
        (shelf,) = page(self, timeline, at, query, catalog=catalog, reference=reference)
        return shelf.items

    def rank(
        self,
        timelines: Timelines,
        customers: npt.NDArray[np.int64],
        at: int,
        k: int,
        *,
        catalog: Catalog,
        reference: Reference,
    ) -> npt.NDArray[np.int32]:
        """What `recommend` gives for many customers with orders, as products alone.

        Of nobody an age or a yes to personalisation is known: what needs one is left out.

        Returns:
            Products, int32, shape (customers, k), best first; -1 where there are no more.
        """
        did = Personal.of_many(timelines, customers, at, catalog, self.refills_.extended(catalog))
        may = May.of(catalog, at, did)
        shown = may.shown
        order = filling(self.popular, catalog)
        order = order[may.everyone[order]]
        batch = self.batch(self.generators, timelines, catalog, reference)

        def ranked(block: Block) -> npt.NDArray[np.int32]:
            proposals = block.proposals
            score = self.score(batch.rows(block, at), proposals)
            own = shown.part(block.begin, block.begin + len(block.customers))
            out = np.full((len(block.customers), k), -1, np.int32)
            for i in range(len(out)):
                mine = slice(int(proposals.offsets[i]), int(proposals.offsets[i + 1]))
                best = proposals.products[mine][np.argsort(-score[mine], kind="stable")[:k]]
                if len(best) < k:
                    withheld = own.withheld[own.offsets[i] : own.offsets[i + 1]]
                    rest = order[~np.isin(order, np.concatenate([best, withheld]))]
                    best = np.concatenate([best, rest[: k - len(best)]])
                out[i, : len(best)] = best
            return out

        blocks = list(batch.each(customers, at, shown, ranked))
        return np.concatenate([np.empty((0, k), np.int32), *blocks])

    def candidate_recall(self, timelines: Timelines, period: Period, catalog: Catalog) -> float:
        """The mean share of what customers bought in a period that any generator proposed."""
        batch = self.batch(self.generators, timelines, catalog, period.reference)
        shown = Shown.alike(sellable(catalog, period.at), len(period.customers))

        def found(block: Block) -> npt.NDArray[np.float64]:
            counts = np.diff(block.proposals.offsets)
            owner = np.repeat(np.arange(len(counts)), counts)
            hit = period.bought(block.proposals, block.begin)
            return np.bincount(owner[hit], minlength=len(counts)).astype(np.float64)

        parts = list(batch.each(period.customers, period.at, shown, found))
        return float((np.concatenate(parts) / np.diff(period.offsets)).mean())

    def mask(self, erased: Erased) -> None:
        """Leave out what erased people did, where it is kept row by row, from now on."""
        for generator in self.generators:
            generator.mask(erased)

    def extended(self, catalog: Catalog) -> Self:
        """This model for a catalogue that follows the one it was fitted on; itself if alike."""
        generators = [generator.extended(catalog) for generator in self.generators]
        if all(new is old for new, old in zip(generators, self.generators, strict=True)):
            return self
        longer = copy.copy(self)
        longer.generators = generators
        return longer

    @property
    def popular(self) -> Popular:
        """The generator that also serves strangers and fills lists up."""
        return next(g for g in self.generators if isinstance(g, Popular))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the ranker's columns."""
        return column_names(self._names, self.customer_features_)

    def save(self, folder: Path) -> None:
        """Write a folder per generator, the ranker and JSON; no pickle, no customer."""
        for name in ("ranker", "refills"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.refills_.save(folder / "refills")
        self.ranker.save(folder / "ranker")
        for generator in self.generators:
            (folder / generator.name).mkdir(exist_ok=True)
            generator.save(folder / generator.name)
        document = {
            "generators": self._names,
            "candidates": self.candidates,
            "negatives_share": self.negatives_share,
            "seed": self.seed,
            "threads": self.threads,
            "customer_features": list(self.customer_features_),
            "columns": list(self.columns),
            "horizon_days": self.horizon_days_,
        }
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        (folder / "next_product.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; arrays are memory-mapped.

        Raises:
            BundleError: a file is missing or unreadable, or the columns have changed since.
        """
        kinds = {kind.name: kind for kind in GENERATORS}
        try:
            document = json.loads((folder / "next_product.json").read_text(encoding="utf-8"))
            out = cls(
                [kinds[name].load(folder / name) for name in document["generators"]],
                candidates=document["candidates"],
                ranker=Ranker.load(folder / "ranker"),
                negatives_share=document["negatives_share"],
                seed=document["seed"],
                threads=document["threads"],
            )
            out.customer_features_ = tuple(document["customer_features"])
            out.refills_ = Refills.load(folder / "refills")
            out.horizon_days_ = int(document["horizon_days"])
            columns = tuple(document["columns"])
        except (OSError, ValueError, KeyError, TypeError, lgb.basic.LightGBMError) as error:
            raise BundleError(f"cannot read the next-product model in {folder}: {error}") from error
        if columns != out.columns:
            changed = sorted(set(columns) ^ set(out.columns)) or ["their order"]
            raise BundleError(
                f"the next-product model in {folder} ranks by other columns than this code "
                f"computes ({', '.join(changed)}); train again"
            )
        return out

    @property
    def _names(self) -> list[str]:
        return [generator.name for generator in self.generators]

    def batch(
        self,
        generators: Sequence[Candidates],
        timelines: Timelines,
        catalog: Catalog,
        reference: Reference,
    ) -> Batch:
        """How candidates of many customers are judged, as `page` judges one's."""
        return Batch(
            generators,
            self.candidates,
            self.customer_features_,
            timelines,
            catalog,
            reference,
            self.threads,
        )

    @property
    def judges(self) -> bool:
        """Whether scores are probabilities."""
        return self.ranker.trees_ is not None

    def score(self, rows: npt.NDArray[np.float32], proposals: Proposals) -> npt.NDArray[np.float64]:
        """How candidates rank, by the ranker's rows of them; higher is better."""
        if self.judges:
            return self.ranker.predict(rows)
        # reciprocal rank fusion (Cormack et al. 2009), for a shop too young for a ranker
        out: npt.NDArray[np.float64] = np.nansum(1.0 / (60.0 + proposals.places), axis=1)
        return out


def _untold(stage: str, steps: int) -> None:
    """Nobody asked how far it is."""
    del stage, steps
