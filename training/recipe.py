"""Recipes: what to train and with which settings, as TOML that a data scientist edits."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from features import toml
from models.churn import Economics

DEFAULT = Path(__file__).with_name("recipes") / "default.toml"
"""The recipe that is used when none is named."""


class EconomicsRecipe(BaseModel):
    """What the means against leaving cost and bring, in shares of a usual order.

    They say from which probability on a message pays, and from which an offer: the risk bands.
    The defaults are a shop's that earns 40 % and gives 10 % away; put in what yours measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    margin: float = Field(default=0.4, gt=0, lt=1)
    """Margin of an order."""

    message_cost: float = Field(default=0.005, gt=0, lt=1)
    """A message's price, and the patience it costs the customer."""

    saved_by_message: float = Field(default=0.03, gt=0, lt=1)
    """Share of leavers whom a message keeps."""

    discount: float = Field(default=0.1, gt=0, lt=1)
    """What an offer gives away, to those who would have come anyway too."""

    saved_by_offer: float = Field(default=0.15, gt=0, lt=1)
    """Share of leavers whom an offer keeps."""

    def declared(self) -> Economics:
        """As the model takes it."""
        return Economics(**self.model_dump())


class ChurnRecipe(BaseModel):
    """How the churn model is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    horizon_days: int = Field(default=90, ge=1, le=730)
    """Churned means no order in this many days; a quarter is what most shops plan by."""

    instants: int = Field(default=18, ge=1, le=100)
    """Past instants to learn from, at most; a year and a half, so that last year's season is
    seen before a horizon of a quarter."""

    customers_per_instant: int = Field(default=100_000, ge=1)
    """Customers of one instant at most, drawn at random; more cost memory and teach little."""

    step_days: int = Field(default=30, ge=1)
    """Days between two instants; monthly, so that no season is left out."""

    min_history_days: int = Field(default=90, ge=0)
    """Days of history before the first instant; a younger shop knows nobody's rhythm."""

    trees: int = Field(default=100, ge=1)
    """Boosting rounds; few, since churn is noisy: more were worse on past cutoffs."""

    leaves: int = Field(default=7, ge=2)
    """Leaves of one tree; small trees, for the same reason."""

    learning_rate: float = Field(default=0.03, gt=0, le=1)
    """Weight of one tree; low, so that the number of trees is not critical."""

    min_rows: int = Field(default=100, ge=1)
    """Customers in a leaf at least: a rate from fewer is a guess."""

    column_share: float = Field(default=0.5, gt=0, le=1)
    """Share of the features one tree sees; half, because many say nearly the same."""

    row_share: float = Field(default=0.7, gt=0, le=1)
    """Share of the rows one tree sees; less than all, since churn is noisy."""

    half_life_days: float = Field(default=180.0, gt=0)
    """After so many days an instant counts half: customers change, but a season must be seen."""

    economics: EconomicsRecipe = EconomicsRecipe()
    """What makes the risk bands."""


class ValueRecipe(BaseModel):
    """How the value model is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    horizon_days: int = Field(default=90, ge=1, le=730)
    """Days in which orders and spend are expected; as churn's, so that both speak of the same."""

    instants: int = Field(default=18, ge=1, le=100)
    """Past instants to learn from, at most; a year and a half, so that last year's season is
    seen before a horizon of a quarter."""

    customers_per_instant: int = Field(default=100_000, ge=1)
    """Customers of one instant at most, drawn at random; more cost memory and teach little."""

    step_days: int = Field(default=30, ge=1)
    """Days between two instants; monthly, so that no season is left out."""

    min_history_days: int = Field(default=90, ge=0)
    """Days of history before the first instant; a younger shop knows nobody's rhythm."""

    trees: int = Field(default=200, ge=1)
    """Boosting rounds; more than churn's, since counts and amounts tell more than yes and no. How
    far they are followed a back-test chooses."""

    leaves: int = Field(default=7, ge=2)
    """Leaves of one tree; small trees, since what people buy is noisy."""

    learning_rate: float = Field(default=0.03, gt=0, le=1)
    """Weight of one tree; low, so that the number of trees is not critical."""

    min_rows: int = Field(default=100, ge=1)
    """Customers in a leaf at least: a mean from fewer is a guess."""

    column_share: float = Field(default=0.5, gt=0, le=1)
    """Share of the features one tree sees; half, because many say nearly the same."""


class NextProductRecipe(BaseModel):
    """How the next-product model is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    horizon_days: int = Field(default=30, ge=1, le=365)
    """What is bought within this many days counts as right."""

    periods: int = Field(default=4, ge=1, le=50)
    """Past periods the ranker learns from, at most."""

    step_days: int = Field(default=30, ge=1)
    """Days between two periods' beginnings; the horizon, so that none overlap."""

    min_history_days: int = Field(default=90, ge=0)
    """Days of history before the first period, so that the generators know something."""

    customers_per_period: int = Field(default=20_000, ge=1)
    """Customers of one period at most, drawn at random; all 14,000 of a supermarket ranked by one
    part in a hundred better than 10,000 of them."""

    candidates: int = Field(default=150, ge=1, le=10_000)
    """Products that each generator proposes; more are found, and all cost time to rank."""

    popular_half_life_days: float = Field(default=30.0, gt=0)
    """After how many days a buyer counts half in what is popular; a month follows a season."""

    als_factors: int = Field(default=64, ge=1, le=1_000)
    """Length of a taste vector; implicit's authors find little gain beyond."""

    als_regularization: float = Field(default=0.05, ge=0)
    """Pull of the taste vectors towards zero."""

    als_alpha: float = Field(default=10.0, gt=0)
    """Confidence in a purchase, where not having bought has 1."""

    als_iterations: int = Field(default=15, ge=1)
    """Rounds of alternation; implicit's default, where the loss has settled."""

    neighbours: int = Field(default=200, ge=1)
    """Similar products kept per product."""

    neighbours_weighting: Literal["tfidf", "bm25", "cosine"] = "tfidf"
    """How purchases are weighted before products are compared."""

    together: int = Field(default=50, ge=1)
    """Products kept per product of what is bought together, later, and looked at together."""

    later_days: float = Field(default=60.0, gt=0)
    """After how many days a basket no longer follows from another; two months hold most shops'
    next order."""

    content: int = Field(default=30, ge=1)
    """Products kept per product that are alike by their texts; beyond, likeness is faint."""

    arrivals_days: float = Field(default=30.0, gt=0)
    """How long a product is new; a month is about as often as most customers come."""

    similar_customers: int = Field(default=300, ge=1)
    """Nearest customers whose baskets speak for a customer; fewer find less, more say what all
    say."""

    trees: int = Field(default=200, ge=1)
    """Boosting rounds of each of the ranker's two sets of trees; each costs time in every answer,
    and twice as many gained one part in a hundred."""

    leaves: int = Field(default=31, ge=2, le=64)
    """Leaves of one tree, a bit each; up to 32 are scored fastest."""

    learning_rate: float = Field(default=0.08, gt=0, le=1)
    """Weight of one tree."""

    min_rows: int = Field(default=100, ge=1)
    """Rows in a leaf at least."""

    negatives_share: float = Field(default=0.1, gt=0, le=1)
    """Share of the candidates not bought that is learnt from; they weigh more in turn."""


class PersonasRecipe(BaseModel):
    """How personas are found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    horizon_days: int = Field(default=30, ge=1, le=365)
    """After so many days they are learnt again, to measure who kept theirs; most shops train at
    least monthly."""

    most: int = Field(default=4, ge=1, le=10)
    """Personas at most; a team that plans for more than four plans for none."""

    halvings: int = Field(default=12, ge=2, le=200)
    """How often it is tried whether two halves of the customers show the same groups; more costs
    time and moves the quartile that decides little."""

    customers: int = Field(default=50_000, ge=1)
    """Customers learnt from at most, drawn at random; more cost time and teach little."""


class Recipe(BaseModel):
    """Everything one training run does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    churn: ChurnRecipe | None = ChurnRecipe()
    """The churn model; `churn = false` in TOML leaves it out."""

    value: ValueRecipe | None = ValueRecipe()
    """The value model; `value = false` in TOML leaves it out."""

    next_product: NextProductRecipe | None = NextProductRecipe()
    """The next-product model; `next_product = false` in TOML leaves it out."""

    personas: PersonasRecipe | None = PersonasRecipe()
    """The personas; `personas = false` in TOML leaves them out."""

    @classmethod
    def load(cls, path: Path = DEFAULT) -> "Recipe":
        """Read a recipe.

        Raises:
            InputError: the file is missing, is no TOML, or a field has a wrong name or value;
                the message names it.
        """
        document = toml.read(path, "recipe")
        fields = {name: None if part is False else part for name, part in document.items()}
        return toml.validated(cls, fields, path)
