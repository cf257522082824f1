"""What the simulation planted, the trained shop's model finds."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from features.consents import ConsentRules
from features.events.log import EventLog
from features.reference import Reference
from features.timeline import Timelines
from models.bundle import Bundle
from models.next_product import NextProductModel, Period
from models.next_product.history import Histories
from models.next_product.opinions import Shown
from tests.models.shop import day, timeline
from tests.training.conftest import Shop
from training.dataset import periods
from training.next_product.groups import first_seen
from training.next_product.scores import Truth, means, scores
from training.trainer import Data


@dataclass(frozen=True)
class Planted:
    """The measured bundle, what it was measured on, and the truth about the shop."""

    bundle: Bundle
    data: Data
    truth: Path

    @property
    def model(self) -> NextProductModel:
        assert self.bundle.next_product is not None
        return self.bundle.next_product

    @cached_property
    def period(self) -> Period:
        """Who ordered after the training, and what."""
        at = np.array([self.bundle.manifest.cutoff])
        return next(periods(self.data.timelines, self.data.catalog, at, self.model.horizon_days_))

    @cached_property
    def lists(self) -> npt.NDArray[np.int32]:
        return self.model.rank(
            self.data.timelines,
            self.period.customers,
            self.period.at,
            10,
            catalog=self.data.catalog,
            reference=self.bundle.reference.extended(self.data.catalog),
        )

    def parent(self, product_id: str) -> int:
        return int(self.data.catalog.parent[self.data.catalog.index[product_id]])

    @property
    def refill_days(self) -> dict[int, float]:
        rows = pq.read_table(self.truth / "products.parquet").to_pylist()
        return {self.parent(r["product_id"]): r["refill_days"] for r in rows if r["refill_days"]}


@pytest.fixture(scope="module")
def planted(
    built: tuple[Shop, dict[str, Result]], tmp_path_factory: pytest.TempPathFactory
) -> Planted:
    shop = built[0]
    registry = shop.registry
    folder = tmp_path_factory.mktemp("planted") / "bundle"
    return Planted(
        Bundle.load(registry.measured(registry.version(1), folder)),
        Data.of(EventLog(shop.settings.log), ConsentRules()),
        shop.recipes / "tables" / "truth",
    )


def test_every_planted_complement_is_first_among_what_is_bought_together(planted: Planted) -> None:
    neighbours = next(g for g in planted.model.generators if g.name == "neighbours")
    told = pq.read_table(planted.truth / "complements.parquet").to_pylist()
    pairs = [(planted.parent(r["product_id"]), planted.parent(r["complement_id"])) for r in told]
    assert len(pairs) == 5
    for product, complement in pairs + [(b, a) for a, b in pairs]:
        owner = Timelines.of([("owner", timeline([(1, [product])]))])
        catalog = planted.data.catalog
        history = Histories.of(owner, np.array([0]), np.array([day(2)]), catalog)
        shown = Shown.alike(np.arange(len(catalog)) != product, 1)
        assert neighbours.opinions(history).top(1, shown).products.tolist() == [complement]


def test_refills_are_timed_and_listed(planted: Planted) -> None:
    facts = Reference.as_of(planted.data.timelines, planted.data.catalog, planted.period.at)
    errors = {
        product: abs(facts.product_gap_days[product] / days - 1)
        for product, days in planted.refill_days.items()
        if np.isfinite(facts.product_gap_days[product])
    }
    assert len(errors) >= 10
    assert max(errors.values()) < 0.25  # of a handful of gaps
    assert np.mean(list(errors.values())) < 0.15
    truth = Truth.of(planted.period, planted.data.timelines, planted.data.catalog)
    refilled = truth.only(truth.repeat & np.isin(truth.products, list(planted.refill_days)))
    assert len(refilled.products) > 20
    assert means(scores(planted.lists, refilled))["recall@10"] > 0.9


def test_a_product_of_the_last_days_is_shown_to_somebody(planted: Planted) -> None:
    catalog, at = planted.data.catalog, planted.period.at
    seen = first_seen(planted.data.timelines, catalog)
    newest = int(np.argmax(np.where(seen < at, seen, 0)))
    assert at - seen[newest] < 14 * 86_400_000
    assert (planted.lists == newest).any()
