"""One placement: where a list stands, what it is about, and how it is put together."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from features import toml
from features.errors import InputError
from models.next_product.generators import GENERATORS

OURS = Path(__file__).parent
"""The placements that come along; a shop may put its own beside them, or in their stead."""

Anchor = Literal["none", "product", "cart", "order", "results"]

BASKETS = "baskets"
"""The source that is what stands in the same baskets, from the population's facts."""

CATEGORY = "category"
"""The source that is what is popular of the anchors' own categories."""

SOURCES = (*(generator.name for generator in GENERATORS), BASKETS, CATEGORY)
"""Names of what proposes products about an anchor. A generator that a model was trained without
proposes nothing."""


def _source(name: str) -> str:
    if name not in SOURCES:
        raise ValueError(f"no source is called so; there are {', '.join(SOURCES)}")
    return name


SourceName = Annotated[str, AfterValidator(_source)]

Reason = Literal[
    "bought", "subscribed", "returned", "rated_badly", "dismissed", "consent", "anchor"
]


class Placement(BaseModel):
    """How one place's list comes about; read from `<name>.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")
    """What it is called in requests: the file's name."""

    title: str = Field(min_length=1, max_length=200)
    """The heading above the list."""

    anchor: Anchor = "none"
    """What the list is about besides the customer: the page's product, what is in the cart, what
    was just ordered, or the search results, which alone it then orders."""

    k: int = Field(default=10, ge=1, le=100)
    """How many products when the request does not say; a page row holds about ten."""

    sources: Mapping[SourceName, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """What an anchor's candidates come from: weights of generators, by their names; all the same
    when empty."""

    personal: float = Field(default=1.0, ge=0, le=1)
    """How much the customer's own rank counts beside the anchor; 1 where there is no anchor."""

    rank_by: Literal["probability", "value"] = "probability"
    """What comes first: the likeliest purchase, or what brings most: probability × margin × price.
    """

    margin: float = Field(default=0.3, gt=0, le=1)
    """The part of a price the shop keeps, of products without an attribute `margin`."""

    diversity: float = Field(default=0.9, gt=0, le=1)
    """λ of maximal marginal relevance: 1 ranks by relevance alone."""

    exploration: float = Field(default=0.05, ge=0, lt=1)
    """The probability with which a place goes to a new product."""

    rotation_days: float = Field(default=7.0, ge=0)
    """After how many days a showing without a click counts half; 0 does not rotate."""

    refill_part: float = Field(default=0.25, ge=0, le=1)
    """The part of a refill's usual gap that must have passed before it is shown again."""

    complements: bool = False
    """Whether what would replace an anchor is left out."""

    shows: tuple[Reason, ...] = ()
    """What is shown all the same, by the reason for which it otherwise is not."""

    fill: bool = True
    """Whether the list is filled up with what is popular."""

    @classmethod
    def load(cls, path: Path) -> "Placement":
        """Read one placement; its name is the file's.

        Raises:
            InputError: the file is missing or no TOML, or a field has a wrong name or value; the
                message names file, field and value.
        """
        document = toml.read(path, "placement")
        return toml.validated(cls, {"name": path.stem, **document}, path)


@cache
def placements(folder: Path | None = None) -> Mapping[str, Placement]:
    """All placements by name: ours, and a shop's own, which come before ours of that name.

    Arguments:
        folder: where the shop's TOML files are; None for ours alone.

    Raises:
        InputError: the folder is missing, or see `Placement.load`.
    """
    files = sorted(OURS.glob("*.toml"))
    if folder is not None:
        if not folder.is_dir():
            raise InputError(f"there is no folder of placements {folder}; make it or leave it out")
        files += sorted(folder.glob("*.toml"))
    return {path.stem: Placement.load(path) for path in files}
