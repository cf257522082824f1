"""The shop's rules of the shelf, between what the store keeps and what the model follows."""

from collections.abc import Callable, Sequence

import structlog
from pydantic import ValidationError

from features.catalog import Catalog
from features.errors import InputError, RegularsError
from models.next_product.shelf import Rule, check
from serving.store import KeptRule

log = structlog.get_logger()


class ContradictionError(RegularsError):
    """Two rules cannot both be followed."""


def readable(kept: Sequence[KeptRule]) -> tuple[Rule, ...]:
    """The rules that this program understands; a newer one may have written others."""
    rules = []
    for one in kept:
        try:
            rules.append(Rule.model_validate(one.rule))
        except ValidationError as error:
            log.error("a rule is not followed", rule=one.name, error=str(error.errors()[0]["msg"]))
    return tuple(rules)


def agreeing(rule: Rule, catalog: Catalog) -> Callable[[Sequence[KeptRule]], None]:
    """What sees that a rule agrees with the others, the products being those of a catalogue.

    It raises:
        ContradictionError: it does not; the message names both.
    """

    def agrees(others: Sequence[KeptRule]) -> None:
        try:
            check([*readable(others), rule], catalog)
        except InputError as error:
            raise ContradictionError(str(error)) from error

    return agrees
