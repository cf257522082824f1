"""What names a person: kinds of identifiers, how they are written alike, and their keyed hashes.

An identifier is one text everywhere: a user id as it is, the others with their kind before it
(`email:9f2c…`, `card:7421`, `anonymous:5d2f…`). So none can be taken for another.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from features.columns import Columns as C
from features.errors import InputError, StorageError, shown
from features.events import secret
from features.settings import Settings

HASH_BYTES = 16
"""That two of a billion addresses share a hash: 1e-21."""


@dataclass(frozen=True)
class Kind:
    """One kind of identifier, and how far it may join others; a shop may change the numbers."""

    name: str
    prefix: str
    joins: int
    """How many values of one stronger kind it may be linked with. Beyond that it is shared, as a
    store's tablet is, and joins nobody."""
    per_person: int
    """How many of this kind one person may have; those of a person with more join nobody."""
    hashed: bool = False
    """Kept as a keyed hash: it says who somebody is outside the shop, too."""
    expires_days: int | None = None
    """Days after it was last seen with somebody until it joins them no longer."""
    blocked: frozenset[str] = frozenset()
    """Values that join nobody, such as the device of a shop on the street."""

    def of(self, value: str) -> str:
        """The identifier of a value."""
        return f"{self.prefix}{value}"


KINDS = (
    Kind(C.USER_ID, "", joins=3, per_person=50),
    Kind("loyalty_card", "card:", joins=2, per_person=10),
    Kind("pos_account", "pos:", joins=2, per_person=10),
    Kind("email", "email:", joins=3, per_person=20, hashed=True),
    Kind("phone", "phone:", joins=3, per_person=10, hashed=True),
    Kind(C.ANONYMOUS_ID, "anonymous:", joins=1, per_person=200),
    Kind("push_token", "push:", joins=1, per_person=20, hashed=True, expires_days=270),
)
"""From the strongest, which leads a person, to the weakest. Couples share a card and families a
telephone; a device that two accounts log in on is a household's or a store's. Push services drop
a token unused for 270 days."""

BY_NAME = {kind.name: kind for kind in KINDS}
FURTHER = tuple(kind for kind in KINDS if kind.name not in (C.USER_ID, C.ANONYMOUS_ID))
"""Kinds that an event has no column for."""

_FURTHER_NAMES = frozenset(kind.name for kind in FURTHER)

UNREAD = "unread:"
"""Before a kind's name: the mark of an event whose identifier of that kind cannot be read."""

_PREFIXED = tuple(kind for kind in KINDS if kind.prefix)
NOBODY = frozenset(
    ("null", "undefined", "none", "nil", "nan", "unknown", "n/a", "[object object]", "guest")
)
ZEROS = "[0-]+"
"""What programs write when they have no id."""


def kind_of(identifier: str) -> Kind:
    """The kind of an identifier.

    >>> kind_of("card:7421").name
    'loyalty_card'
    """
    head, colon, _ = identifier.partition(":")
    return _BY_PREFIX.get(f"{head}{colon}", KINDS[0])


_BY_PREFIX = {kind.prefix: kind for kind in _PREFIXED}
RANK = {kind.prefix: place for place, kind in enumerate(KINDS)}
"""Places in `KINDS` by prefix: a lower one is stronger."""


def rank(identifier: str) -> int:
    """How strong an identifier is; 0 is the strongest."""
    return RANK[kind_of(identifier).prefix]


def bare(identifier: str) -> str:
    """The value of an identifier, without its kind.

    >>> bare("anonymous:5d2f"), bare("c-17")
    ('5d2f', 'c-17')
    """
    return identifier.removeprefix(kind_of(identifier).prefix)


def visitor(anonymous_id: str) -> str:
    """The identifier of an anonymous id."""
    return f"anonymous:{anonymous_id}"


def reserved(user_id: str) -> bool:
    """Whether a user id looks like another kind of identifier."""
    return user_id.startswith(tuple(_BY_PREFIX))


def nobody(value: str) -> bool:
    """Whether an id is what programs write when they have none: `null`, zeros.

    >>> nobody("00000000-0000-0000-0000-000000000000")
    True
    """
    return value.lower() in NOBODY or re.fullmatch(ZEROS, value) is not None


def ordered(identifiers: Iterable[str]) -> tuple[str, ...]:
    """Each identifier once, the strongest first."""
    return tuple(sorted(set(identifiers), key=lambda each: (rank(each), each)))


def customer_ids(
    user_id: str | None, anonymous_id: str | None, others: Collection[str] | None = None
) -> tuple[str, ...]:
    """Everything that names an event's person, the strongest first.

    >>> customer_ids(None, "5d2f", ["card:7421"])
    ('card:7421', 'anonymous:5d2f')
    """
    first = () if user_id is None else (user_id,)
    if not others:
        return first if anonymous_id is None else (*first, visitor(anonymous_id))
    further = others if anonymous_id is None else (*others, visitor(anonymous_id))
    return (*first, *ordered(set(further) - set(first)))


@dataclass(frozen=True)
class Rules:
    """The kinds as a shop has them, and how large a person may grow."""

    kinds: Mapping[str, Kind] = field(default_factory=lambda: BY_NAME)
    most: int = 500
    """Identifiers of one person; a larger group is no person, and none in it are joined."""

    @classmethod
    def of(cls, changes: Mapping[str, Mapping[str, Any]], reader: "Reader") -> "Rules":
        """The rules with a shop's changes.

        Arguments:
            changes: by kind, new values of `joins`, `per_person`, `expires_days`, `blocked`,
                `hashed`.
            reader: how blocked values are written alike.

        Raises:
            InputError: a kind or a rule does not exist, or has a value it cannot have.
        """
        kinds = dict(BY_NAME)
        for name, changed in changes.items():
            if name not in kinds:
                raise InputError(
                    f"REGULARS_IDENTITY: no kind of identifier is called {shown(name)}; "
                    f"there are {', '.join(kinds)}"
                )
            told = dict(changed)
            blocked = told.pop("blocked", [])
            for rule, value in told.items():
                if rule not in ("joins", "per_person", "expires_days", "hashed"):
                    raise InputError(
                        f"REGULARS_IDENTITY: {name} has no rule {shown(rule)}; "
                        "there are joins, per_person, expires_days, blocked, hashed"
                    )
                if rule != "hashed" and (not isinstance(value, int) or value < 0):
                    raise InputError(
                        f"REGULARS_IDENTITY: {name}.{rule} = {shown(value)}: write a whole number"
                    )
            kind = replace(kinds[name], **told)
            values = frozenset(found for value in blocked if (found := reader.one(kind, value)))
            kinds[name] = replace(kind, blocked=values)
        return cls(kinds)

    def kind(self, identifier: str) -> Kind:
        """The kind of an identifier, by this shop's rules."""
        return self.kinds[kind_of(identifier).name]


class Reader:
    """Finds the identifiers in what an event carries.

    Arguments:
        key: of the hashes; who has it can ask whether an address is among them.
        region: ISO 3166 code of the country whose telephone numbers are written without one.
        plain: names of kinds that are kept as they are instead.
    """

    def __init__(
        self, key: bytes = b"", region: str | None = None, plain: Iterable[str] = ()
    ) -> None:
        self._key = key
        self._region = region
        self._plain = frozenset(plain)
        self._cached = lru_cache(maxsize=10_000)(self._read)

    def one(self, kind: Kind, value: object) -> str | None:
        """The identifier of a value; None when there is none, or it cannot be read."""
        return self._cached(kind.name, str(value).strip())

    def find(self, asked: str) -> tuple[str, ...]:
        """What a text that somebody types may be: an identifier as it is, an address, a number."""
        asked = asked.strip()
        guesses = [asked]
        for kind in FURTHER:
            value = asked.removeprefix(kind.prefix)
            found = self._cached(kind.name, value)
            if found and not (kind.name == "email" and "@" not in value):
                guesses.append(found)
        guesses.append(visitor(asked))
        return tuple(dict.fromkeys(guesses))

    def in_message(self, message: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The further identifiers of a call of Segment's API, and the marks of unreadable ones.

        They stand in traits (of the call or its context), in properties, in
        `context.externalIds` and, push tokens, in `context.device.token`.

        Source: Segment's spec: identify, common fields, external ids.
        """
        found: dict[str, None] = {}
        marks: dict[str, None] = {}
        for kind, value in _told(message):
            if value is None or isinstance(value, bool) or not isinstance(value, str | int):
                continue
            text = str(value).strip()
            if not text or nobody(text):
                continue
            identifier = self._cached(kind.name, text)
            if identifier is None:
                marks[f"{UNREAD}{kind.name}"] = None
            else:
                found[identifier] = None
        return (ordered(found) if found else ()), tuple(marks)

    def _read(self, name: str, text: str) -> str | None:
        kind = BY_NAME[name]
        if not text or len(text) > 255 or nobody(text):
            return None
        written: str | None
        if name == "email":
            written = _email(text)
        elif name == "phone":
            written = _phone(text, self._region)
        else:
            written = unicodedata.normalize("NFKC", text)
            written = None if re.search(r"[\x00-\x1f\x7f-\x9f]", written) else written
        if written is None:
            return None
        if kind.hashed and name not in self._plain:
            written = self._hash(name, written)
        return kind.of(written)

    def _hash(self, name: str, written: str) -> str:
        keyed = hashlib.blake2b(
            written.encode(), digest_size=HASH_BYTES, key=self._key, person=name[:16].encode()
        )
        return keyed.hexdigest()


def reader_of(settings: Settings) -> Reader:
    """The reader of a shop.

    Raises:
        StorageError: the key cannot be read or made.
    """
    plain = [name for name, rules in settings.identity.items() if rules.get("hashed") is False]
    key = settings.identity_key.encode() or _kept_key(settings)
    # any length is accepted, BLAKE2 takes 64 bytes
    digest = hashlib.blake2b(key, person=b"identity").digest()
    return Reader(digest, settings.phone_region or None, plain)


def rules_of(settings: Settings) -> Rules:
    """The rules of a shop.

    Raises:
        InputError: `REGULARS_IDENTITY` names what does not exist.
        StorageError: the key cannot be read or made.
    """
    return Rules.of(settings.identity, reader_of(settings))


def _kept_key(settings: Settings) -> bytes:
    """The key in the data folder; made when there is none."""
    path = settings.data / "identity.key"
    secret.make(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}; set REGULARS_IDENTITY_KEY instead"
        ) from error


def _told(message: Mapping[str, Any]) -> Iterator[tuple[Kind, object]]:
    """Everything in a message that may be a further identifier."""
    context = _mapping(message.get("context"))
    for place in (message.get("traits"), message.get("properties"), context.get("traits")):
        held = _mapping(place)
        if not _FURTHER_NAMES.isdisjoint(held):
            for kind in FURTHER:
                if kind.name in held:
                    yield kind, held[kind.name]
    device = _mapping(context.get("device"))
    if "token" in device:
        yield BY_NAME["push_token"], device["token"]
    external = context.get("externalIds")
    for each in external if isinstance(external, list) else ():
        name = str(_mapping(each).get("type")).removeprefix("android.").removeprefix("ios.")
        if name in BY_NAME and BY_NAME[name] in FURTHER:
            yield BY_NAME[name], each.get("id")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _email(text: str) -> str | None:
    """An address in the one spelling of its mailbox; capitals, and Gmail's dots, mean nothing."""
    try:
        address = validate_email(
            unicodedata.normalize("NFKC", text.removeprefix("mailto:")),
            check_deliverability=False,
            test_environment=True,
            allow_display_name=True,
        )
    except EmailNotValidError:
        return None
    local, domain = address.local_part.casefold(), address.ascii_domain.casefold()
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.partition("+")[0].replace(".", ""), "gmail.com"
    return f"{local}@{domain}" if local else None


def _phone(text: str, region: str | None) -> str | None:
    """A number as E.164 has it; without a country it is none, unless the shop has one."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
