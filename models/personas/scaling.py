"""From features to comparable traits: shaped, cut at the tails, each with mean 0 and spread 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.personas.traits import BY_FEATURE, Shape

Floats = npt.NDArray[np.float64]

TAIL = 0.01
"""Share of the customers at each end whose values are drawn in to the last one before them."""

MOST_ALIKE = 0.95
"""A trait in which more customers than this share are alike tells nobody apart."""


@dataclass(frozen=True)
class Scaling:
    """What was learnt of each trait; arrays have one entry per trait."""

    shared: npt.NDArray[np.bool_]
    """Which traits are shares; the others are counts or amounts."""
    low: Floats
    high: Floats
    usual: Floats
    """The median, which stands for what is not known."""
    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, values: npt.NDArray[np.float32], features: Sequence[str]) -> "Scaling":
        """Learn from customers' features, shape (n, traits); NaN where undefined."""
        shared = np.array([BY_FEATURE[name].shape is Shape.SHARE for name in features], bool)
        shaped = _shaped(np.asarray(values, np.float64), shared)
        known = ~np.isnan(shaped).all(axis=0)
        low, usual, high = np.zeros((3, len(features)))
        low[known], usual[known], high[known] = np.nanquantile(
            shaped[:, known], (TAIL, 0.5, 1 - TAIL), axis=0
        )
        drawn_in = np.clip(np.where(np.isnan(shaped), usual, shaped), low, high)
        return cls(shared, low, high, usual, drawn_in.mean(axis=0), drawn_in.std(axis=0))

    def of_traits(self, chosen: npt.NDArray[np.bool_]) -> "Scaling":
        """Of some of the traits."""
        return Scaling(**{name: part[chosen] for name, part in vars(self).items()})

    def __call__(self, values: npt.NDArray[np.float32]) -> Floats:
        """Traits of customers, shape (n, traits); never NaN, never infinite."""
        shaped = _shaped(np.asarray(values, np.float64), self.shared)
        known = np.where(np.isnan(shaped), self.usual, shaped)
        spread = np.where(self.spread > 0, self.spread, 1.0)
        out: Floats = (np.minimum(np.maximum(known, self.low), self.high) - self.mean) / spread
        return out

    def telling(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Which traits tell customers apart, shape (traits,)."""
        traits = self(values)
        alike = [np.unique(column, return_counts=True)[1].max() for column in traits.T]
        out: npt.NDArray[np.bool_] = np.array(alike) <= MOST_ALIKE * len(traits)
        return out

    def document(self) -> dict[str, list[Any]]:
        """As JSON has it."""
        return {name: part.tolist() for name, part in vars(self).items()}

    @classmethod
    def read(cls, document: dict[str, list[Any]]) -> "Scaling":
        """What `document` gave."""
        shared = np.array(document["shared"], bool)
        rest = {name: np.array(part, float) for name, part in document.items() if name != "shared"}
        return cls(shared=shared, **rest)


def _shaped(values: Floats, shared: npt.NDArray[np.bool_]) -> Floats:
    # a return may make an amount negative
    positive = np.maximum(values, 0.0)
    return np.where(shared, np.sqrt(np.minimum(positive, 1.0)), np.log1p(positive))
