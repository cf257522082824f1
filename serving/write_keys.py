"""Who may write: the shop's write keys, as Segment's clients present them."""

import base64
import binascii
import hmac
from collections.abc import Sequence

from features.errors import InputError, shown


class WriteKeys:
    """The keys of one shop.

    Arguments:
        listed: `key` or `name:key`, separated by commas; nothing accepts every key.

    Raises:
        InputError: a key is empty.
    """

    def __init__(self, listed: str = "") -> None:
        self._sources: dict[bytes, str] = {}
        for entry in filter(None, (part.strip() for part in listed.split(","))):
            name, _, key = entry.rpartition(":")
            if not key:
                raise InputError(f"REGULARS_WRITE_KEYS: {shown(name)} has no key after its colon")
            self._sources[key.encode()] = name or OPEN

    @property
    def open(self) -> bool:
        """Whether every key is accepted, and none is needed."""
        return not self._sources

    def source(self, presented: Sequence[str]) -> str | None:
        """What the first fitting key is named; None when none fits.

        Each is compared with every key in constant time, so that how long it takes tells
        nothing of how much of a guess was right.
        """
        if self.open:
            return OPEN
        found: str | None = None
        for candidate in presented:
            for key, name in self._sources.items():
                if hmac.compare_digest(candidate.encode("utf-8", "replace"), key):
                    found = found or name
        return found


OPEN = "api"
"""What events came through when their key has no name."""


def presented(authorization: str | None, in_body: object) -> list[str]:
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
