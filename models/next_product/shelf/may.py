"""What may be shown in one list to one customer, and of what may not, why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import Catalog
from models.next_product.opinions import Shown
from models.next_product.recommendation import NotShown
from models.next_product.shelf.filters import EVERYTHING, Filters, Mask
from models.next_product.shelf.rules import Rule
from models.next_product.shelf.showing import delicate, offered, too_young
from models.next_product.shelf.withheld import Personal, Why, first


@dataclass(frozen=True)
class Layer:
    """Products withheld from a list for one reason."""

    why: Why
    mask: Mask
    """Shape (products,)."""
    rule: str | None = None


@dataclass(frozen=True)
class May:
    """What may be shown in one list."""

    everyone: Mask
    """Which products may be, whatever the customer did, shape (products,)."""
    personal: Personal
    """What may not for what the one customer did."""
    layers: Sequence[Layer]
    """What `everyone` leaves out, the reason that is given first."""

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        at: int,
        personal: Personal,
        *,
        shows: Collection[str] = (),
        filters: Filters = EVERYTHING,
        rules: Sequence[Rule] = (),
        exclude: Collection[int] = (),
        anchors: Collection[int] = (),
        substitutes: Mask | None = None,
        age: float | None = None,
        sensitive: bool = False,
    ) -> "May":
        """What may be shown.

        Arguments:
            catalog: the present one.
            at: int64 ms UTC.
            personal: what the one customer did.
            shows: labels of reasons that do not count here.
            filters: the caller's.
            rules: those that act here and now.
            exclude: what the caller leaves out, by any variant.
            anchors: what the list is about, by any variant.
            substitutes: what would replace them, shape (products,).
            age: the customer's, in years.
            sensitive: whether the customer said yes to personalisation.

        Raises:
            InputError: a filter names a field that the catalogue does not have.
        """
        layers = [
            Layer(Why.UNAVAILABLE, ~offered(catalog, at, EVERYTHING)),
            *([Layer(Why.EXCLUDED, _listed(catalog, exclude))] if len(exclude) else []),
            *(
                Layer(Why.RULE, rule.concerned(catalog), rule.name)
                for rule in rules
                if rule.action == "exclude"
            ),
        ]
        if filters:
            layers.append(Layer(Why.FILTER, ~offered(catalog, at, filters)))
        limited = too_young(catalog, age)
        if limited is not None:
            layers.append(Layer(Why.AGE, limited))
        delicate_ones = None if sensitive else delicate(catalog)
        if delicate_ones is not None:
            layers.append(Layer(Why.CONSENT, delicate_ones))
        if len(anchors):
            layers.append(Layer(Why.ANCHOR, _listed(catalog, anchors)))
        if substitutes is not None:
            layers.append(Layer(Why.SUBSTITUTE, substitutes))
        layers = [layer for layer in layers if layer.why.label not in shows]
        out = np.zeros(len(catalog), np.bool_)
        for layer in layers:
            out |= layer.mask
        return cls(~out, personal.without(w for w in Why if w.label in shows), layers)

    @property
    def shown(self) -> Shown:
        """As generators ask for it."""
        return Shown(self.everyone, self.personal.offsets, self.personal.products)

    def of_these(self, products: npt.NDArray[np.int32]) -> Mask:
        """Which of these products may be shown, shape (len(products),)."""
        return self.everyone[products] & ~np.isin(products, self.personal.products)

    def why(self, product: int) -> NotShown | None:
        """Why a product is not shown; None for one that may be."""
        for layer in self.layers:
            if layer.mask[product]:
                return NotShown(product, layer.why.label, layer.rule)
        place = int(np.searchsorted(self.personal.products, product))
        if place < len(self.personal.products) and self.personal.products[place] == product:
            return NotShown(product, first(int(self.personal.reasons[place])).label)
        return None


def _listed(catalog: Catalog, products: Collection[int]) -> Mask:
    """Parents of these products, shape (products,)."""
    out = np.zeros(len(catalog), np.bool_)
    there = [product for product in products if 0 <= product < len(catalog)]
    out[catalog.parent[there]] = True
    return out
