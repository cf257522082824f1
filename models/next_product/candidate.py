"""What every candidate generator does; a new recommender fills in `fit` and `opinions`."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np

from features.catalog import Catalog
from features.events.erasures import Erased
from models.next_product.history import Histories
from models.next_product.opinions import Opinions, Products, Scores, Shown


class Candidates(ABC):
    """Proposes products for a customer from what the customer bought or looked at.

    Learned state ends in `_`, names no customer, and is set only in `fit`. Products are
    parents, by catalogue index. Listing the class in `models.next_product.GENERATORS`
    makes it part of the model and of its contract tests.
    """

    name: ClassVar[str]
    """What it is called in recipes, bundles and answers."""

    needs: ClassVar[Literal["deeds", "country", "nothing"]] = "deeds"
    """What must be known of a customer, so that it proposes anything."""

    certain: ClassVar[bool] = False
    """Whether its reason is a fact about the customer; it is then given before all others."""

    n_products_: int = 0
    """How many products there were at the time of `fit`."""

    @abstractmethod
    def fit(self, histories: Histories) -> Self:
        """Learn from all histories, each of which ends at the same instant."""

    @abstractmethod
    def opinions(self, histories: Histories) -> Opinions:
        """What it thinks of all products, for each customer of `histories`.

        Only products above 0 are proposed. What is given for one alone and for one among many
        is the same.
        """

    @abstractmethod
    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """Why this product is proposed to the one customer of `history`, in words."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the learned state as .npy and JSON into an existing folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; arrays are memory-mapped."""

    def mask(self, erased: Erased) -> None:
        """Leave out what erased people did, where it is kept row by row.

        It takes the place of an earlier mask.
        """
        del erased

    def extended(self, catalog: Catalog) -> Self:
        """This generator for a catalogue that has grown, or whose later products have changed.

        Itself where it has nothing to say of products that came after `fit`.

        Arguments:
            catalog: follows the one it was fitted on.
        """
        del catalog
        return self

    def recommend(self, history: Histories, k: int) -> tuple[Products, Scores]:
        """At most `k` products for the one customer of `history`, best first."""
        shown = Shown.alike(np.ones(self.n_products_, np.bool_), 1)
        found = self.opinions(history).top(k, shown)
        return found.products, found.scores
