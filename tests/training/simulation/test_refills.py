"""When a product is due, against the truth of the simulated shop."""

import numpy as np
import pytest

from features.catalog import Catalog, Product
from features.instants import DAY_MS
from models.next_product import Repeat
from models.next_product.history import NOT_KNOWN, Histories
from models.next_product.looks import Looks


def histories(bought, until):
    lines = bought.dropna(subset="user_id").sort_values(["user_id", "timestamp"], kind="stable")
    counts = lines.groupby("user_id").size().to_numpy()
    nothing = np.zeros(len(counts) + 1, np.int64)
    return Histories(
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        product=lines["style"].to_numpy(np.int32),
        at=lines["timestamp"].astype("datetime64[ms, UTC]").astype(np.int64).to_numpy(),
        until=np.full(len(counts), until, np.int64),
        bought=np.ones(len(counts), np.bool_),
        looks=Looks(nothing, np.empty(0, np.int32), np.empty(0, np.int64)),
        channel=np.zeros(len(counts), np.uint8),
        region=np.full(len(counts), NOT_KNOWN, np.int32),
        catalog=Catalog.of(Product(str(i)) for i in range(int(bought["style"].max()) + 1)),
    )


@pytest.fixture(scope="module")
def refills(shop):
    """Histories of everything bought, and how long a pack of each style lasts."""
    until = int(shop.orders["timestamp"].max().timestamp() * 1000) + 1
    days = shop.true_products.groupby("style")["refill_days"].first()
    return histories(shop.bought, until), days


def test_a_refill_is_expected_when_the_pack_is_empty(refills):
    history, truth = refills
    model = Repeat().fit(history)
    gaps = np.bincount(history.purchases.product, history.purchases.baskets - 1)
    often = truth.dropna().index[gaps[truth.dropna().index] >= 10]
    assert len(often) >= 5
    ratio = model.gaps_.product_days[often] / truth[often]
    assert abs(ratio.median() - 1) < 0.15
    assert ((ratio - 1).abs() < 0.15).mean() > 0.8


def test_customers_are_told_the_right_rhythm(refills):
    history, truth = refills
    days, times = Repeat().fit(history).usual_days(history)
    lasting = truth.reindex(history.purchases.product).to_numpy()
    regular = (times >= 3) & np.isfinite(lasting)
    assert regular.sum() > 100
    ratio = days[regular] / lasting[regular]
    assert abs(np.median(ratio) - 1) < 0.15


def test_a_product_is_worth_most_when_it_is_due(refills):
    history, truth = refills
    model = Repeat(horizon_days=3).fit(history)
    style = int(truth.idxmin())
    score = []
    for share in (0.1, 0.5, 1.0, 4.0, 12.0):
        bought_at = history.until[0] - int(share * truth[style] * DAY_MS)
        at = bought_at - np.array([2, 1, 0]) * int(truth[style] * DAY_MS)
        one = Histories(
            np.array([0, 3]),
            np.full(3, style, np.int32),
            at,
            history.until[:1],
            np.ones(1, np.bool_),
            Looks(np.zeros(2, np.int64), np.empty(0, np.int32), np.empty(0, np.int64)),
            np.zeros(1, np.uint8),
            np.full(1, NOT_KNOWN, np.int32),
            history.catalog,
        )
        score.append(float(model.opinions(one).scores[0]))
    assert score[0] < score[1] < score[2]
    assert score[2] > score[3] > score[4]
