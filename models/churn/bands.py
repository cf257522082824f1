"""Risk bands: where it pays to write, and where it pays to give something away."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from features.errors import InputError


@dataclass(frozen=True)
class Economics:
    """What a shop's two means against leaving cost and bring, in shares of a usual order."""

    margin: float = 0.4
    """Margin of an order."""
    message_cost: float = 0.005
    """A message's price, and the patience it costs the customer."""
    saved_by_message: float = 0.03
    """Share of leavers whom a message keeps."""
    discount: float = 0.1
    """What an offer gives away."""
    saved_by_offer: float = 0.15
    """Share of leavers whom an offer keeps."""

    def message_value(self, probability: float) -> float:
        """Expected gain of a message to somebody who leaves with a probability."""
        return probability * self.saved_by_message * self.margin - self.message_cost

    def offer_value(self, probability: float) -> float:
        """Expected gain of an offer: whoever stays anyway takes the discount too."""
        kept = probability * self.saved_by_offer * (self.margin - self.discount)
        return kept - (1 - probability) * self.discount


@dataclass(frozen=True)
class Bands:
    """Bands of the churn probability, lowest risk first."""

    thresholds: tuple[float, ...]
    """Where each band but the first begins, rising."""
    names: tuple[str, ...] = ("low", "medium", "high")

    @classmethod
    def by_expected_value(cls, economics: Economics) -> "Bands":
        """Low: nothing pays; medium: a message does; high: an offer brings most.

        Both gains rise with the probability along straight lines, so each pays from one
        probability on, and the offer beats the message from another.

        Raises:
            InputError: shares are not between 0 and 1, or the discount is above the margin.

        >>> Bands.by_expected_value(Economics()).thresholds
        (0.4167, 0.7143)
        """
        for name, value in asdict(economics).items():
            if not 0 < value < 1:
                raise InputError(f"{name} = {value:g}: must lie between 0 and 1")
        if economics.discount >= economics.margin:
            raise InputError(
                f"discount = {economics.discount:g} is not below margin = {economics.margin:g}: "
                "no offer could ever pay"
            )
        offer_slope = economics.offer_value(1.0) + economics.discount
        message_slope = economics.message_value(1.0) + economics.message_cost
        offer = economics.discount / offer_slope
        message = economics.message_cost / message_slope
        high, ahead = 1.0, offer_slope - message_slope
        if economics.offer_value(1.0) > max(0.0, economics.message_value(1.0)):
            equal = (economics.discount - economics.message_cost) / ahead if ahead > 0 else 0.0
            high = max(offer, equal)
        return cls((round(min(message, offer, high), 4), round(high, 4)))

    def of(self, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The place of each probability's band in `names`, shape (n,)."""
        return np.searchsorted(self.thresholds, probability, side="right").astype(np.int64)

    def name(self, probability: float) -> str:
        """The band of one probability."""
        return self.names[int(self.of(np.array([probability]))[0])]

    def document(self) -> Mapping[str, object]:
        """As JSON has it."""
        return {"thresholds": list(self.thresholds), "names": list(self.names)}
