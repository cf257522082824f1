"""How lists of products are asked for and answered, as the documentation has it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.next_product.shelf import Filters
from models.next_product.shelf.filters import Condition
from serving.listing import Fallback, Wanted
from serving.routes.fields import Body, Customer, Identifier

MAX_K = 100
"""Longest list; no page shows more, and the answer stays within milliseconds."""

MAX_LISTS = 10
"""Lists of one page."""

MAX_PRICE = 1e12
"""Highest price that can be asked for; no currency needs more, and float32 holds it."""

Price = Annotated[float, Field(ge=0, le=MAX_PRICE)]


Age = Annotated[float, Field(ge=0, le=150)]
Country = Annotated[str, Field(min_length=1, max_length=100)]

Length = Annotated[int, Field(ge=1, le=MAX_K)]
Products = Annotated[list[Identifier], Field(max_length=1000)]
PlacementName = Annotated[str, Field(min_length=1, max_length=64)]


class FilterBody(BaseModel):
    """What may be shown: all must hold. Products that cannot be bought never are.

    Any attribute that the shop sends with its products is a field, too: a value, a list of which
    one must be met, or `{"min": …, "max": …}`, as in `{"color": ["red", "blue"]}`.
    """

    category: str | list[str] | None = None
    """A category path or its beginning; of several any one."""
    brand: str | list[str] | None = None
    price_min: Price | None = None
    price_max: Price | None = None
    available: Literal[True] = True
    """Only what can be bought; there is no other choice yet."""

    __pydantic_extra__: dict[str, Condition] = Field(init=False)

    model_config = ConfigDict(extra="allow")

    def filters(self) -> Filters:
        """As the model knows them."""
        conditions: dict[str, Any] = {
            name: tuple(held) if isinstance(held, list) else held
            for name in ("category", "brand")
            if (held := getattr(self, name)) is not None
        }
        if self.price_min is not None or self.price_max is not None:
            conditions["price"] = {"min": self.price_min, "max": self.price_max}
        conditions |= self.__pydantic_extra__
        return Filters.of(conditions) if conditions else _NONE


_NONE = Filters()


class ListBody(Body):
    """One of several lists."""

    placement: PlacementName
    k: Length | None = None
    """How many products; what the placement says when absent."""
    product_id: Identifier | None = None
    """What the list is about: the product of the page."""
    product_ids: Products = Field(default=[])
    """The same of a cart, an order, or search results to put in order."""
    filters: FilterBody | None = None
    """Of this list; those of the whole request when absent."""

    def wanted(self, otherwise: Filters) -> Wanted:
        """As the recommender knows it."""
        ids = self.product_ids if self.product_id is None else [self.product_id, *self.product_ids]
        filters = otherwise if self.filters is None else self.filters.filters()
        return Wanted(self.placement, self.k, ids, filters)


class RecommendationBody(Customer):
    """Who asks, for which place or places of a page, and what may be shown."""

    placement: PlacementName = "home"
    """Where the list is shown; comes back in the answer."""
    k: Length | None = None
    """How many products; what the placement says when absent (home: 10)."""
    product_id: Identifier | None = None
    """What the list is about: the product of the page."""
    product_ids: Products = Field(default=[])
    """The same of a cart, an order, or search results to put in order. For a cart, what the
    customer's events say is in it when absent."""
    placements: Annotated[list[ListBody], Field(min_length=1, max_length=MAX_LISTS)] | None = None
    """Several lists of one page at once, in order of importance: no product stands twice on
    them. Then `placement`, `k`, `product_id` and `product_ids` are left out."""
    filters: FilterBody = FilterBody()
    exclude: Products = Field(default=[])
    """Products not to show, nor variants of them."""
    age: Age | None = None
    """The customer's, in years, where the shop knows it. Products with an attribute `min_age` are
    shown to nobody whose age is not known."""
    country: Country | None = None
    """Where the customer is, in the words of `traits.country` in `identify` calls; what those said
    when absent. What sells best there is proposed, to strangers above all; not to who does not
    allow personalisation."""
    variants: bool = False
    """Whether variants are listed rather than the product that stands for them."""
    explain: bool = False
    """Whether the answer says what was not shown and why, and what the ranker saw; not with a
    public key."""

    model_config = Body.model_config | {
        "json_schema_extra": {
            "example": {
                "customer_id": "c-17",
                "placement": "home",
                "k": 2,
                "filters": {"category": "Kitchen", "price_max": 20},
                "exclude": ["22423"],
            }
        }
    }

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        alone = {"placement", "k", "product_id", "product_ids"} & self.model_fields_set
        if self.placements is not None and alone:
            raise ValueError(f"{sorted(alone)[0]}: goes into each of placements, not beside them")
        return self

    def wanted(self) -> list[Wanted]:
        """The lists, as the recommender knows them."""
        filters = self.filters.filters()
        if self.placements is not None:
            return [one.wanted(filters) for one in self.placements]
        ids = self.product_ids if self.product_id is None else [self.product_id, *self.product_ids]
        return [Wanted(self.placement, self.k, ids, filters)]


class RecheckBody(Customer):
    """A list that was made earlier, and for whom."""

    products: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_K)]
    """As they were to be shown, the best first."""
    placement: PlacementName = "email"
    k: Length | None = None
    """How many; as many as there were when absent."""
    filters: FilterBody = FilterBody()
    age: Age | None = None
    """The customer's, in years, where the shop knows it. Products with an attribute `min_age` are
    shown to nobody whose age is not known."""
    country: Country | None = None
    """Where the customer is, in the words of `traits.country` in `identify` calls; what those said
    when absent. What sells best there is proposed, to strangers above all; not to who does not
    allow personalisation."""
    exclude: Products = Field(default=[])

    model_config = Body.model_config | {
        "json_schema_extra": {
            "example": {"customer_id": "c-17", "products": ["85123A", "22423", "47566"]}
        }
    }

    def wanted(self) -> Wanted:
        """The list, as the recommender knows it."""
        k = len(self.products) if self.k is None else self.k
        return Wanted(self.placement, k, (), self.filters.filters())


class SourceView(BaseModel):
    """A generator that proposed a product."""

    source: str
    place: int
    """In its list, 1 the first."""
    score: float


class RecommendedItem(BaseModel):
    """One product to show; `parts` and `features` with `explain`."""

    product_id: str
    title: str
    price: float | None
    score: float
    reason: str
    """Why, in words for the customer."""
    source: str
    """Where it came from: the generator that ranked it highest, or `popular`."""
    evidence: dict[str, float | int | str]
    """What the reason rests on."""
    sources: list[SourceView]
    """All generators that proposed it."""
    probability: float | None
    """P(bought within the model's horizon), given that the customer orders in it."""
    expected_value: float | None
    """Probability × margin × price, in the shop's currency; null with a public key."""
    propensity: float
    """The probability with which it was put into its place, given the places before it."""
    rule: str | None
    """The shop's rule that put it here or moved it; null with a public key."""
    parts: dict[str, float] | None = None
    """What the score is made of."""
    features: dict[str, float] | None = None
    """The ranker's row."""


class WithheldView(BaseModel):
    """A product that is not shown."""

    product_id: str
    why: str
    """`bought`, `subscribed`, `unavailable`, `excluded`, `filter`, `rule`, …"""
    rule: str | None


class RecommendedList(BaseModel):
    """A list, best first."""

    recommendation_id: str
    """Send it back in Recommendation Shown and Recommendation Clicked."""
    placement: str
    items: list[RecommendedItem]
    fallback: Fallback | None
    """Null when the model judged for this customer and place; otherwise why it could not."""
    note: str | None
    """What is not as it was asked for, in words for a developer."""
    withheld: list[WithheldView] | None = None
    """With `explain`: what was proposed and not shown, at most 100."""


class Recommendations(RecommendedList):
    """A list, best first."""

    model_version: str | None
    took_ms: float


class RecommendedPage(BaseModel):
    """The lists, when the request named `placements`."""

    placements: list[RecommendedList]
    """In the order in which they were asked for."""
    model_version: str | None
    took_ms: float


ITEM: Mapping[str, Any] = {
    "product_id": "85123A",
    "title": "White hanging heart t-light holder",
    "price": 2.95,
    "score": 0.213,
    "reason": "You buy this about every 30 days, last on 3 May",
    "source": "repeat",
    "evidence": {"gap_days": 30.2, "last_at": "2011-05-03"},
    "sources": [{"source": "repeat", "place": 1, "score": 0.71}],
    "probability": 0.213,
    "expected_value": 0.19,
    "propensity": 0.95,
    "rule": None,
}
"""An item in the documentation's examples."""
