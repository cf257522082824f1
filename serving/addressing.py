"""Whom the path of a request names: by an identifier, or as people write addresses and numbers."""

from dataclasses import dataclass

from starlette.requests import Request

from features.errors import InputError, shown
from features.events.identifiers import kind_of
from serving.service import Service

ADDRESSES = ("email", "phone")
"""Kinds that are written in so many ways that nobody types the identifier."""


@dataclass(frozen=True)
class Named:
    """Who was named."""

    customer_id: str
    """An identifier that is known, if any reading of the text is; else the text."""
    spellings: tuple[str, ...]
    """Under what else messages of theirs may come: of an address, as it was written and hashed."""


def named(asked: str, request: Request, service: Service) -> Named:
    """Find whom a text names, as the look-up does; the access log says who was found.

    A known identifier is itself. So is an erased one, unless it is an address: whoever erases
    somebody twice must not meet another, whose card has the same number.

    Raises:
        InputError: it may be one of several people.
    """
    candidates = service.reader.find(asked)
    addresses = [each for each in candidates[1:] if kind_of(each).name in ADDRESSES]
    spellings = (asked, *addresses) if addresses else ()
    leaders = service.store.leaders((asked, *candidates))
    customer_id = asked
    if asked not in leaders and leaders:
        if service.store.decisions(asked, limit=1) or service.store.was_erased(asked):
            leaders = {each: leaders[each] for each in addresses if each in leaders}
        people = sorted(set(leaders.values()))
        if len(people) > 1:
            raise InputError(
                f"customer_id = {shown(asked)}: may be any of {len(people)} customers; "
                "GET /v1/customers?identifier= lists them; ask by an identifier of one of them"
            )
        customer_id = next((each for each in candidates if each in leaders), asked)
    request.state.customer_id = customer_id
    return Named(customer_id, tuple(each for each in spellings if each != customer_id))
