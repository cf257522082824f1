"""What the shop itself wants shown, beside what the model knows: named rules, now or later."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.errors import InputError, shown
from features.instants import moment
from models.next_product.shelf import Rule
from serving.authorization import KeyedRoute, caller
from serving.errors import FieldError, UnknownRuleError
from serving.routes.fields import Body, Moment, answer, example, problem, problems
from serving.rules import agreeing, readable
from serving.service import Service, ServiceDep
from serving.store import KeptRule

router = APIRouter(tags=["rules"], route_class=KeyedRoute)

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

RuleName = Annotated[
    str,
    Path(
        description="The rule's name.",
        min_length=1,
        max_length=64,
        pattern=NAME,
        openapi_examples={"rule": {"value": "summer-sale"}},
    ),
]


class RuleBody(Rule):
    """A rule; its name may be left out, since the address says it."""

    name: str = Field(default="", max_length=64)

    model_config = Body.model_config | {
        "json_schema_extra": {
            "example": {
                "action": "boost",
                "match": {"category": "Garden", "price": {"max": 50}},
                "strength": 1.5,
                "placements": ["home", "email"],
                "starts_at": "2026-06-01T00:00:00Z",
                "ends_at": "2026-09-01T00:00:00Z",
            }
        }
    }


class RuleView(BaseModel):
    """A rule, and how it came to be."""

    rule: Rule
    acts: bool
    """Whether it acts somewhere at this moment; one that this version cannot read never does."""
    unknown_products: list[str]
    """Ids that it names and the catalogue does not know yet."""
    changed_at: Moment
    changed_by: str
    """The name of the key that it came with."""


class Rules(BaseModel):
    """Rules by name."""

    rules: list[RuleView]


_RULE: dict[str, Any] = {
    "rule": {
        "name": "summer-sale",
        "action": "boost",
        "match": {"category": "Garden", "price": {"min": None, "max": 50.0}},
        "products": [],
        "strength": 1.5,
        "position": None,
        "share": None,
        "placements": ["home", "email"],
        "starts_at": "2026-06-01T00:00:00Z",
        "ends_at": "2026-09-01T00:00:00Z",
        "enabled": True,
    },
    "acts": True,
    "unknown_products": [],
    "changed_at": "2026-05-20T09:30:00Z",
    "changed_by": "merchandising",
}


_CONTRADICTION = problem(
    409,
    "It contradicts another rule; both are named.",
    "contradiction",
    "The rules contradict each other",
    "the rules 'launch' and 'summer-sale' pin different products at position 1 at the same time; "
    "move one, or let one end earlier",
)


@router.get(
    "/v1/rules", response_model=Rules, responses=example({"rules": [_RULE]}) | problems(503)
)
async def listed(service: ServiceDep) -> Response:
    """List the rules by name, those of the past and of the future too."""
    return answer({"rules": [_view(kept, service) for kept in _all(service)]})


@router.get(
    "/v1/rules/{name}",
    response_model=RuleView,
    responses=example(_RULE) | problems(404, 422, 503),
)
async def get(name: RuleName, service: ServiceDep) -> Response:
    """Look one rule up."""
    return answer(_view(_named(name, service), service))


@router.put(
    "/v1/rules/{name}",
    response_model=RuleView,
    responses=example(_RULE) | problems(413, 422, 503) | _CONTRADICTION,
)
async def put(name: RuleName, body: RuleBody, request: Request, service: ServiceDep) -> Response:
    """Add a rule, or put it in the place of the one of this name; it holds from the next answer on.

    What concerns one product: `exclude` comes before `pin`, `pin` before `promote`; boosts and
    buries multiply. No rule shows what must not be shown to a customer. One that contradicts
    another where and when both act is refused with 409, and the message names both.
    """
    if body.name not in ("", name):
        raise InputError(f"name = {shown(body.name)}: the address says {shown(name)}")
    rule = Rule.model_validate({**body.model_dump(), "name": name})
    service.champion.hear()
    catalog = service.champion.live.catalog
    try:
        rule.match.allowed(catalog)
    except InputError as error:
        raise FieldError("match", str(error)) from error
    service.recommender.see_placements(rule.placements)
    kept = KeptRule(name, rule.model_dump(mode="json"), service.clock(), caller(request).name)
    await run_in_threadpool(service.store.put_rule, kept, agreeing(rule, catalog))
    return answer(_view(kept, service))


@router.delete(
    "/v1/rules/{name}",
    response_model=RuleView,
    responses=example(_RULE) | problems(404, 422, 503),
)
async def delete(name: RuleName, request: Request, service: ServiceDep) -> Response:
    """Let a rule go, and give what it was; it holds no longer from the next answer on."""
    kept = _named(name, service)
    by = caller(request).name
    if not await run_in_threadpool(service.store.end_rule, name, at=service.clock(), by=by):
        raise UnknownRuleError(name)
    return answer(_view(kept, service))


def _all(service: Service) -> list[KeptRule]:
    found = service.store.rules()
    return [] if found is None else found[1]


def _named(name: str, service: Service) -> KeptRule:
    found = next((kept for kept in _all(service) if kept.name == name), None)
    if found is None:
        raise UnknownRuleError(name)
    return found


def _view(kept: KeptRule, service: Service) -> dict[str, Any]:
    known = service.champion.live.catalog.index
    now = service.clock()
    rules = readable([kept])
    return {
        "rule": kept.rule,
        "acts": any(rule.acts(place, now) for rule in rules for place in rule.placements or ("",)),
        "unknown_products": [i for rule in rules for i in rule.products if i not in known],
        "changed_at": moment(kept.changed_at),
        "changed_by": kept.changed_by,
    }
