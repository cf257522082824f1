"""One offer, as a shop states it in TOML, and the rules of who may get it."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from features.definitions import FEATURES
from features.events.schema import schema
from models.reasons import sentence

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_RULE = re.compile(r"\s*([a-z0-9_]+)\s*(>=|<=|==|!=|>|<)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*")


class Rule:
    """A condition on one feature: `purchase_orders_life >= 2`.

    Raises:
        ValueError: the text is no such condition, or names a feature nobody declares.

    >>> Rule("purchase_orders_life >= 2").holds({"purchase_orders_life": 3.0})
    True
    """

    def __init__(self, text: str) -> None:
        match = _RULE.fullmatch(text)
        if match is None:
            raise ValueError("write a rule as `feature >= number`, with >=, <=, >, <, == or !=")
        self.text = text.strip()
        self.feature, sign, number = match.groups()
        self._compare = _OPERATORS[sign]
        self._number = float(number)
        if self.feature not in {feature.name for feature in FEATURES}:
            raise ValueError(f"no feature is called {self.feature}; see features/definitions")

    def holds(self, features: Mapping[str, float]) -> bool:
        """Whether it holds; a feature that is undefined or not given fulfils nothing."""
        value = features.get(self.feature, math.nan)
        return not math.isnan(value) and self._compare(value, self._number)

    def why_not(self, features: Mapping[str, float]) -> str:
        """What the rule asks and what the customer has, in words."""
        value = features.get(self.feature, math.nan)
        return f"needs {self.text}; {sentence(self.feature, value)}"


class Cost(BaseModel):
    """What an accepted offer costs the shop; both parts add up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fixed: float = Field(default=0.0, ge=0)
    """In the shop's currency."""

    percent: float = Field(default=0.0, ge=0, le=100)
    """Of the order's value."""

    def of(self, order_value: float) -> float:
        """The cost on an order of this value."""
        return self.fixed + self.percent / 100 * order_value


def _channel(name: str) -> str:
    if name not in schema().channels:
        raise ValueError(f"no channel is called so; there are {', '.join(schema().channels)}")
    return name


def _rule(text: str) -> str:
    Rule(text)
    return text


class Offer(BaseModel):
    """Something that may move a customer to order who otherwise would not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=255)
    """How the shop names it."""

    title: str = Field(min_length=1)
    """What the customer reads."""

    channels: tuple[Annotated[str, AfterValidator(_channel)], ...] = Field(
        default=("web", "app", "email"), min_length=1
    )
    """Where it may be shown."""

    purpose: str = "marketing"
    """The consent it needs."""

    eligible: tuple[Annotated[str, AfterValidator(_rule)], ...] = ()
    """Rules on features; all must hold."""

    cost: Cost = Cost()
    """Paid on every order with the offer, also on those that would have come anyway."""

    value: float = 0.0
    """What such an order brings beyond the usual margin: a larger basket, stock cleared."""

    effect: float = Field(ge=0, le=1)
    """The share of the customers about to leave whom it keeps, as the shop has measured or
    estimates it."""

    @model_validator(mode="before")
    @classmethod
    def _one_channel(cls, fields: Any) -> Any:
        """`channel = "web"` is a list of one."""
        if isinstance(fields, dict) and "channel" in fields:
            fields = dict(fields)
            fields["channels"] = [fields.pop("channel")]
        return fields

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of `eligible`, ready to be asked."""
        return tuple(_parsed(text) for text in self.eligible)


@cache
def _parsed(text: str) -> Rule:
    return Rule(text)
