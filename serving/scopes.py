"""Who may do what: the scopes of keys, and what each endpoint asks for.

An endpoint that is not listed here needs an admin's key, so that a new one opens to others only
when somebody decides so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from serving.segment import CALLS


class Scope(StrEnum):
    """What a key opens."""

    WRITE = "write"
    """Send events and product feeds; change the rules of the shelf."""
    READ = "read"
    """Read customers, decisions, events; ask for recommendations and offers."""
    PUBLIC = "public"
    """What a page's script may do, for a visitor alone; see `serving.visitors`."""
    ADMIN = "admin"
    """Everything, privacy operations among it."""


@dataclass(frozen=True)
class Permission:
    """What an endpoint asks for."""

    scopes: frozenset[Scope] = frozenset()
    """Any one of these is enough, and an admin's always is."""
    nobody: bool = False
    """It needs no key."""
    in_body: bool = False
    """The key may come in the body, so that the endpoint itself looks at it."""
    logged: bool = False
    """Who asked, and about whom, goes to the access log."""


NOBODY = Permission(nobody=True)
ADMINS = Permission(logged=True)

_WRITE = Permission(frozenset({Scope.WRITE}))
_READ = Permission(frozenset({Scope.READ}))
_OF_CUSTOMERS = Permission(frozenset({Scope.READ}), logged=True)
_PAGES = Permission(frozenset({Scope.READ, Scope.PUBLIC}))
EVENTS = Permission(frozenset({Scope.WRITE, Scope.PUBLIC}), in_body=True)

PAGE_PATHS = frozenset(("/v1/recommendations", "/v1/offers/next"))
"""What a page of the shop may ask for, besides sending events."""

PERMISSIONS: Mapping[tuple[str, str], Permission] = {
    ("GET", "/health/live"): NOBODY,
    ("GET", "/health/ready"): NOBODY,
    ("GET", "/metrics"): _READ,
    ("POST", "/v1/products/bulk"): _WRITE,
    ("PUT", "/v1/products/{product_id}"): _WRITE,
    ("GET", "/v1/products/{product_id}"): _READ,
    ("GET", "/v1/customers/{customer_id}"): _OF_CUSTOMERS,
    ("GET", "/v1/customers/{customer_id}/churn"): _OF_CUSTOMERS,
    ("GET", "/v1/customers/{customer_id}/value"): _OF_CUSTOMERS,
    ("GET", "/v1/customers"): _OF_CUSTOMERS,
    ("GET", "/v1/customers/{customer_id}/consents"): _OF_CUSTOMERS,
    ("GET", "/v1/decisions"): _OF_CUSTOMERS,
    ("GET", "/v1/decisions/{decision_id}"): _OF_CUSTOMERS,
    ("POST", "/v1/recommendations/recheck"): _READ,
    ("GET", "/v1/rules"): _READ,
    ("GET", "/v1/rules/{name}"): _READ,
    ("PUT", "/v1/rules/{name}"): _WRITE,
    ("DELETE", "/v1/rules/{name}"): _WRITE,
    ("GET", "/v1/events"): _OF_CUSTOMERS,
    ("GET", "/v1/quarantine"): _OF_CUSTOMERS,
    **{("POST", path): _PAGES for path in PAGE_PATHS},
    **{
        ("POST", f"/v1/{name}{ending}"): EVENTS
        for call in CALLS
        for name in (call.name, call.short)
        for ending in ("", "/")
    },
}


def permission_of(method: str, route: str) -> Permission:
    """What an endpoint asks for, by its method and its route as the documentation writes it."""
    return PERMISSIONS.get((method, route), ADMINS)
