"""The candidate generator that goes by what the shop says of its products."""

import copy
from pathlib import Path
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from features.catalog import Catalog
from models.next_product.arrays import read_array, read_settings, write_array, write_settings
from models.next_product.associations import NO_LISTS, Associations, read_lists, write_lists
from models.next_product.content.space import Space, grown
from models.next_product.content.words import TEXT, unsaid, words
from models.next_product.history import Histories
from models.next_product.opinions import Products, Scores, Sparse

LATER = 2_000
"""Products added since `fit` that get neighbours, the newest: some tenths of a second."""

_NO_SPACE = Space(np.empty(0, np.int32), np.empty(0, np.float32), NO_LISTS, 1.0)


class Content(Associations):
    """Products whose title, category, brand and attributes are like what the customer bought.

    A product is a vector of words weighted by rarity, near is the cosine. What nobody has bought
    yet is found as well as anything, and what is added to the catalogue later gets its place
    when the catalogue grows (`extended`). Texts of products known at `fit` stay as they were
    then. It learns nothing from customers.

    Arguments:
        neighbours: length of each product's list.
        half_life_days: after how many days a basket of the customer counts half.
        threads: of fitting; the result does not depend on them.
    """

    name: ClassVar[str] = "content"
    phrase: ClassVar[str] = "Similar to"

    def __init__(
        self, neighbours: int = 30, half_life_days: float = 180.0, threads: int = 2
    ) -> None:
        super().__init__(neighbours, half_life_days)
        self.threads = threads
        self.space_ = _NO_SPACE
        self.first_lists_ = NO_LISTS
        """Of the products known at `fit`."""
        self.later_: pa.Table | None = None
        """What was said of later products when they got their places."""

    @property
    def settings(self) -> dict[str, Any]:
        """See `Associations.settings`."""
        return super().settings | {"threads": self.threads}

    def fit(self, histories: Histories) -> Self:
        """Compare all products; see `Candidates.fit`.

        Of one catalogue once, however many periods' histories refer to it.
        """
        catalog = histories.catalog
        known = _FITTED.setdefault(catalog, {})
        if self.neighbours not in known:
            space, vectors = Space.of(words(catalog))
            known[self.neighbours] = space, space.near(vectors, self.neighbours, self.threads)
        self.space_, self.first_lists_ = known[self.neighbours]
        return self._known_only()

    def extended(self, catalog: Catalog) -> Self:
        """See `Candidates.extended`."""
        held = self.first_lists_.n_products
        if not len(self.space_.words) or len(catalog) <= held:
            return self
        first = max(held, len(catalog) - LATER)
        later = catalog.table.slice(first).select(list(TEXT))
        if self.n_products_ == len(catalog) and later.equals(self.later_):
            return self
        out = copy.copy(self)
        out.lists_ = self._with_later(words(catalog, first), first, len(catalog))
        out.n_products_, out.later_ = len(catalog), later
        return out

    def alike(self, product: int) -> tuple[Products, Scores]:
        """The products nearest to one, and their cosines."""
        if product >= self.lists_.n_products:
            return self.lists_.products[:0], self.lists_.scores[:0]
        part = slice(self.lists_.offsets[product], self.lists_.offsets[product + 1])
        return self.lists_.products[part], self.lists_.scores[part]

    def save(self, folder: Path) -> None:
        """See `Candidates.save`; what came after `fit` is no part of it."""
        space = self.space_
        write_settings(folder, {"settings": self.settings, "unseen": space.unseen})
        write_array(folder, "words", space.words)
        write_array(folder, "rarity", space.rarity)
        write_lists(folder, "of_words_", space.products)
        write_lists(folder, "", self.first_lists_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        document = read_settings(folder)
        out = cls(**document["settings"])
        out.first_lists_ = read_lists(folder, "")
        words, rarity = (read_array(folder, name) for name in ("words", "rarity"))
        of_words, n_products = read_lists(folder, "of_words_"), out.first_lists_.n_products
        led = Sparse(of_words.offsets, of_words.products, of_words.scores, n_products)
        out.space_ = Space(words, rarity, led, document["unseen"])
        if len(words):  # once now, so that no request waits for the compiler
            out._with_later(unsaid(1), n_products, n_products + 1)
        return out._known_only()

    def _with_later(self, said: sp.csr_matrix, first: int, n_products: int) -> Sparse:
        old, new = self.space_.placed(said, self.neighbours)
        return grown(self.first_lists_, old, new, first, n_products, self.neighbours)

    def _known_only(self) -> Self:
        self.lists_, self.later_ = self.first_lists_, None
        self.n_products_ = self.lists_.n_products
        return self


_FITTED: WeakKeyDictionary[Catalog, dict[int, tuple[Space, Sparse]]] = WeakKeyDictionary()
"""What was found of catalogues that are still in use, by the length of lists."""
