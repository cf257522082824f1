"""Products the customer already buys, when they are due."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from features.catalog import Catalog
from features.gaps import Gaps, between
from features.instants import DAY_MS
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.opinions import Scores, Sparse

MOST_TIMES = 10
"""Purchases of one product beyond which another one says no more about whether it goes on."""

FEW = 10
"""Buyers at which a product's own share of those who bought again counts as much as all's."""

UNKNOWN_DAYS = 90.0
"""The gap that is assumed in a shop where nothing was ever bought twice."""

LEAST = np.float32(1e-6)
"""Of a score, so that everything bought before stays a candidate."""

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Repeat(Candidates):
    """The customer's own products, by the probability that each is bought again soon.

    Two things are told apart: whether the customer goes on buying the product, and when. Gaps
    are log-normal around what is usual for this customer (`Gaps`: own gaps, mixed with the
    product's). The longer a product is overdue, the likelier it is that it was given up: so the
    score rises until the product is due, and falls from then on. Source: a renewal process with
    a cured share (Boag 1949), of which the probability within the horizon is

        p (F(s + h) - F(s)) / (p (1 - F(s)) + 1 - p)

    for s days since the last purchase, a horizon of h days, and a share p that goes on after so
    many purchases.

    Arguments:
        horizon_days: what soon means.
    """

    name: ClassVar[str] = "repeat"
    certain: ClassVar[bool] = True

    def __init__(self, horizon_days: float = 30.0) -> None:
        self.horizon_days = horizon_days
        self.gaps_ = Gaps.none(0)
        self.again_: Scores = np.empty(0, np.float32)
        self.goes_on_: Scores = np.zeros(MOST_TIMES, np.float32)

    def fit(self, histories: Histories) -> Self:
        """Learn gaps, and who buys again; see `Candidates.fit`.

        `again_` is the share of each product's buyers who bought it a second time, `goes_on_`
        the share of everybody who bought any product once, twice, … a time more.
        """
        pairs, n = histories.purchases, histories.n_products
        self.n_products_ = n
        pair = np.repeat(np.arange(len(pairs.product)), pairs.baskets)
        of_gap, days = between(pair, pairs.basket_at)
        self.gaps_ = Gaps.learn(of_gap, pairs.product[of_gap], days, n)
        times = 1 + np.bincount(of_gap, minlength=len(pairs.product))
        reached = np.array([(times >= t).sum() for t in range(1, MOST_TIMES + 2)], np.float64)
        # a half of one who went on and one who did not, so that nothing is certain
        self.goes_on_ = ((reached[1:] + 0.5) / (reached[:-1] + 1)).astype(np.float32)
        buyers = np.bincount(pairs.product, minlength=n)
        again = np.bincount(pairs.product[times > 1], minlength=n)
        self.again_ = ((again + FEW * self.goes_on_[0]) / (buyers + FEW)).astype(np.float32)
        return self

    def opinions(self, histories: Histories) -> Sparse:
        """Probabilities of being bought again within the horizon; see `Candidates.opinions`."""
        pairs = histories.purchases
        keep = (pairs.product < self.n_products_) & histories.bought[pairs.row]
        since = (histories.until[pairs.row] - pairs.last_at)[keep] / DAY_MS
        usual, times = (values[keep] for values in self.usual_days(histories))
        product = pairs.product[keep]
        going = self.goes_on_[np.minimum(times, MOST_TIMES) - 1]
        going = np.where(times == 1, self.again_[product], going)
        spread, log_usual = self.gaps_.spread, np.log(usual)
        gone = ndtr((np.log(np.maximum(since, 0.5)) - log_usual) / spread)
        within = ndtr((np.log(since + self.horizon_days) - log_usual) / spread)
        soon = going * (within - gone) / (going * (1 - gone) + 1 - going)
        return Sparse(
            np.searchsorted(pairs.row[keep], np.arange(len(histories) + 1)).astype(np.int64),
            product,
            np.maximum(soon.astype(np.float32), LEAST),
            self.n_products_,
        )

    def usual_days(
        self, histories: Histories
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """For each pair of `Histories.purchases` the usual gap in days, and times bought.

        A product that was not there at the time of `fit` has everybody's gap to go by.
        """
        pairs = histories.purchases
        pair = np.repeat(np.arange(len(pairs.product)), pairs.baskets)
        of_gap, days = between(pair, pairs.basket_at)
        number = np.bincount(of_gap, minlength=len(pairs.product))
        logs = np.bincount(of_gap, np.log(days), len(number)).astype(np.float64)
        common = np.full(len(pairs.product), self.gaps_.everyone_days)
        known = pairs.product < self.n_products_
        common[known] = self.gaps_.product_days[pairs.product[known]]
        return self.gaps_.mixed(
            number, logs, np.where(common > 0, common, UNKNOWN_DAYS)
        ), 1 + number

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """Says when it was last bought, and how often if that is known; see `Candidates.reason`."""
        del catalog
        pairs = history.purchases
        place = int(np.searchsorted(pairs.product, product))
        at = pairs.basket_at[pairs.offsets[place] : pairs.offsets[place + 1]]
        last = datetime.fromtimestamp(int(at[-1]) / 1000, UTC)
        date = f"{last.day} {MONTHS[last.month - 1]}"
        if last.year != datetime.fromtimestamp(int(history.until[0]) / 1000, UTC).year:
            date = f"{date} {last.year}"
        days = between(np.zeros(len(at), np.int64), at)[1]
        if len(days) < 2 or (usual := float(np.exp(np.log(days).mean()))) < 1.5:
            return f"You bought this on {date}"
        return f"You buy this about every {usual:.0f} days, last on {date}"

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        known = self.gaps_.everyone_days == self.gaps_.everyone_days
        gaps: dict[str, Any] = {
            "everyone_days": self.gaps_.everyone_days if known else None,
            "weight": self.gaps_.weight,
            "spread": self.gaps_.spread,
        }
        write_settings(folder, {"settings": {"horizon_days": self.horizon_days}, "gaps": gaps})
        write_array(folder, "product_days", self.gaps_.product_days)
        write_array(folder, "again", self.again_)
        write_array(folder, "goes_on", self.goes_on_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        document = read_settings(folder)
        out = cls(**document["settings"])
        gaps = document["gaps"]
        out.gaps_ = Gaps(
            read_array(folder, "product_days"),
            np.nan if gaps["everyone_days"] is None else gaps["everyone_days"],
            gaps["weight"],
            gaps["spread"],
        )
        out.again_ = read_array(folder, "again")
        out.goes_on_ = read_array(folder, "goes_on")
        out.n_products_ = len(out.again_)
        return out
