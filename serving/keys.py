"""Keys: what opens the service, kept as hashes, and who holds the one that a request presents.

A key is 256 random bits, so that SHA-256 is enough: there is nothing to guess, and a hash that is
slow on purpose would only slow down every request. Each process holds all keys' hashes and reads
them anew every second: a check asks nothing of the store, and a revocation holds everywhere
within that second.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from features.errors import InputError, RegularsError, StorageError, shown
from features.instants import DAY_MS, iso
from serving.clock import Clock
from serving.scopes import Permission, Scope
from serving.store import Key, Store

SECRET_BYTES = 32

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}\Z", re.ASCII)

UNKNOWN_SECONDS = 0.1
"""A key that is not known has the keys read anew at most this often, so that a new one opens at
once, and whoever tries keys does not keep the store busy."""

FIRST_NAME = "development"
FIRST_DAYS = 30
"""How long the first key lasts: enough for a trial, and it may stand in some terminal's log."""

_MAKE = "`python -m serving keys create NAME --scope {}` makes one"


class UnauthorizedError(RegularsError):
    """No key of this shop's came with a request, or one that has ended."""


class ForbiddenError(RegularsError):
    """The key that came with a request does not open this."""


@dataclass(frozen=True)
class Caller:
    """Who holds the key of a request."""

    name: str
    scopes: frozenset[Scope]
    key_id: str = ""
    """Of the key: several may share a name, and each has a rate of its own."""

    @property
    def is_page(self) -> bool:
        """Whether anybody may hold the key, so that it speaks for a visitor alone."""
        return Scope.PUBLIC in self.scopes

    def may(self, permission: Permission) -> bool:
        """Whether the key opens this."""
        return Scope.ADMIN in self.scopes or bool(self.scopes & permission.scopes)

    def require_visitor(self, customer_id: str | None) -> None:
        """Let a page ask for a visitor alone.

        Raises:
            ForbiddenError: the key is public, and a customer is named.
        """
        if self.is_page and customer_id is not None:
            raise ForbiddenError(
                f"the key {shown(self.name)} is public and asks for a visitor alone: "
                "leave customer_id out and give the visitor's anonymous_id"
            )


class Keys:
    """The keys of one shop, as this process knows them.

    Arguments:
        store: where they are kept.
        clock: the present.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[Key, Caller]] = {}
        self._read_at = -UNKNOWN_SECONDS
        self._failed = False

    def refresh(self) -> None:
        """Read them anew. When the store does not answer, those that were known go on.

        Raises:
            StorageError: the store does not answer.
        """
        self._read_at = time.monotonic()
        try:
            found = self._store.api_keys()
        except StorageError:
            self._failed = True
            raise
        self._failed = False
        self._known = {
            key.key_id: (key, Caller(key.name, frozenset(map(Scope, key.scopes)), key.key_id))
            for key in found
        }

    def caller(self, presented: Sequence[str], permission: Permission) -> Caller:
        """Whose the first fitting key is.

        Arguments:
            presented: the keys that came with the request; see `presented`.
            permission: what is asked for.

        Raises:
            UnauthorizedError: none of them is the shop's, or it has ended.
            ForbiddenError: one is, and does not open this.
            StorageError: none is known, and whether one is new cannot be told.
        """
        found = [holder for secret in presented if (holder := self._holder(secret)) is not None]
        now = self._clock()
        valid = [caller for key, caller in found if key.ends_at is None or now < key.ends_at]
        for caller in valid:
            if caller.may(permission):
                return caller
        needed = " or ".join(sorted(permission.scopes)) or Scope.ADMIN
        make = _MAKE.format(needed.partition(" ")[0])
        if valid:
            has = ", ".join(sorted(valid[0].scopes))
            raise ForbiddenError(
                f"the key {shown(valid[0].name)} may {has}, and this needs {needed}; {make}"
            )
        if found:
            key, _ = found[0]
            raise UnauthorizedError(
                f"the key {shown(key.name)} ended at {iso(key.ends_at or now)}; "
                f"use its successor, or {make}"
            )
        raise UnauthorizedError(
            "no key of this shop's came with it; send one as Bearer, as the user of HTTP Basic, "
            f"or with events as writeKey; {make}"
        )

    def _holder(self, secret: str) -> tuple[Key, Caller] | None:
        """Who is known to hold a key.

        It is found by its hash, which whoever guesses cannot steer, and compared in constant
        time: how long that takes tells nothing of how much was right.
        """
        hashed = hash_of(secret)
        key_id = _id_of(hashed)
        lately = time.monotonic() - self._read_at < UNKNOWN_SECONDS
        # a store that did not answer is asked again in the background: requests do not wait for it
        if key_id not in self._known and not lately and not self._failed:
            self.refresh()
        found = self._known.get(key_id)
        if found is None and self._failed:
            raise StorageError("cannot tell whether the key is known: the store does not answer")
        if found is None or not hmac.compare_digest(found[0].hash, hashed):
            return None
        return found


def presented(authorization: str | None, in_body: object = None) -> list[str]:
    """The keys of a request: Basic (the key as user, no password), Bearer, `writeKey` in the body.

    A header that cannot be read presents nothing.
    """
    keys = []
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token:
        keys.append(token)
    elif scheme.lower() == "basic":
        try:
            user = base64.b64decode(token, validate=True).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            user = ""
        if user:
            keys.append(user)
    if isinstance(in_body, str) and in_body:
        keys.append(in_body)
    return keys


def new_secret(scopes: Collection[Scope]) -> str:
    """A new key. It begins with what it is, so that one that lies about is recognised."""
    return f"rgl_{'-'.join(sorted(scopes))}_{secrets.token_urlsafe(SECRET_BYTES)}"


def hash_of(secret: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def key_of(
    secret: str, name: str, scopes: Collection[Scope], at: int, *, ends_at: int | None = None
) -> Key:
    """A key as it is kept.

    Raises:
        InputError: it has no name that can be used, or scopes that do not go together.
    """
    if not _NAME.match(name):
        raise InputError(
            f"a key's name {shown(name)}: 1 to 64 letters, digits, '.', '-' and '_'; "
            "it becomes the source of its events"
        )
    if not scopes:
        raise InputError(f"the key {shown(name)} opens nothing; give it a --scope")
    if Scope.PUBLIC in scopes and len(scopes) > 1:
        raise InputError(
            f"the key {shown(name)}: public stands alone, as everybody can read such a key; "
            "make another one for the rest"
        )
    if ends_at is not None and ends_at <= at:
        raise InputError(f"the key {shown(name)} ends before it begins; let it last longer")
    hashed = hash_of(secret)
    return Key(_id_of(hashed), name, tuple(sorted(scopes)), hashed, at, ends_at)


def make_first(store: Store, now: int) -> str | None:
    """An admin's key for a first try, where there was none yet; it can be told only now."""
    scopes = [Scope.ADMIN]
    secret = new_secret(scopes)
    first = key_of(secret, FIRST_NAME, scopes, now, ends_at=now + FIRST_DAYS * DAY_MS)
    return secret if store.put_key(first, only_first=True) else None


def _id_of(hashed: bytes) -> str:
    return hashed[:6].hex()
