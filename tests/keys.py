"""The keys that tests call the service with; put into the store of whatever they start."""

from collections.abc import Collection, Mapping

from serving.keys import key_of
from serving.scopes import Scope
from serving.settings import ServingSettings
from serving.store import Store, open_store

ADMIN_KEY = "rgl_admin_of-the-tests"
BEARER = {"Authorization": f"Bearer {ADMIN_KEY}"}


def bearer(key: str) -> dict[str, str]:
    """The header that presents a key."""
    return {"Authorization": f"Bearer {key}"}


def put_key(
    store: Store,
    secret: str = ADMIN_KEY,
    *,
    name: str = "api",
    scopes: Collection[Scope] = (Scope.ADMIN,),
    ends_at: int | None = None,
) -> None:
    """Let a key open the service of this store; known ones change nothing."""
    store.put_key(key_of(secret, name, scopes, 0, ends_at=ends_at))


def put_admin_key(variables: Mapping[str, str]) -> None:
    """Let `ADMIN_KEY` open the service that is started with these `REGULARS_…` variables."""
    known = {name.removeprefix("REGULARS_").lower(): value for name, value in variables.items()}
    store = open_store(ServingSettings(**known))
    try:
        put_key(store)
    finally:
        store.close()
