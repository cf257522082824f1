"""The store's reading statements and bulk writes, built once, for every dialect."""

from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select, update

from features.events.schema import schema
from serving.store import schema as t

_asked = t.people.alias("asked_for")

_THEIRS = t.people.join(_asked, t.people.c.owner == _asked.c.owner)
"""Everybody who shares an owner with the id that was asked for."""

_LAST_FEED = select(func.coalesce(func.max(t.products.c.fed), 0)).scalar_subquery()
"""Beside a customer, so that no answer needs a statement of its own to know of it."""

_LAST_RULE = select(func.coalesce(func.max(t.rules.c.change), 0)).scalar_subquery()
"""Likewise."""

LAST_TOLD = select(_LAST_FEED.label("fed"), _LAST_RULE.label("ruled"))

PERSON = (
    select(
        t.people.c.customer_id,
        t.people.c.number,
        t.people.c.owner,
        t.people.c.linked_at,
        t.people.c.version,
        t.timeline_parts.c.rows,
        _LAST_FEED.label("fed"),
        _LAST_RULE.label("ruled"),
    )
    .select_from(
        _THEIRS.outerjoin(t.timeline_parts, t.timeline_parts.c.person == t.people.c.number)
    )
    .where(_asked.c.customer_id == bindparam("asked"))
    .order_by(t.people.c.number, t.timeline_parts.c.part)
)

VERSION = (
    select(t.people.c.number, t.people.c.version)
    .select_from(_THEIRS)
    .where(_asked.c.customer_id == bindparam("asked"))
    .order_by(t.people.c.number)
)

LOCKED_VERSION = VERSION.with_for_update(of=t.people)
"""The same, held still until the transaction ends; what locks by itself ignores the clause."""

CONSENTS = (
    select(
        t.consents.c.purpose,
        t.consents.c.channel,
        t.consents.c.status,
        t.consents.c.at,
        t.consents.c.event_id,
        t.consents.c.source,
        t.consents.c.expires_at,
        t.consents.c.carried,
        t.consents.c.together,
        t.people.c.customer_id,
        t.people.c.linked_at.label("joined_at"),
    )
    .select_from(_THEIRS.join(t.consents, t.consents.c.person == t.people.c.number))
    .where(_asked.c.customer_id == bindparam("asked"))
    .order_by(t.consents.c.at, t.consents.c.sequence)
)

_PRODUCT_COLUMNS = (
    "product_id",
    "parent_id",
    "title",
    "category",
    "brand",
    "price",
    "attributes",
    "first_seen_at",
    "available",
)

PRODUCTS = (
    select(*(t.products.c[name] for name in _PRODUCT_COLUMNS))
    .where(t.products.c.number >= bindparam("start"))
    .order_by(t.products.c.number)
)

PRODUCT = select(*(t.products.c[name] for name in _PRODUCT_COLUMNS)).where(
    t.products.c.product_id == bindparam("asked")
)

POPULAR = (
    select(t.products.c.number)
    .order_by(t.products.c.bought.desc(), t.products.c.number)
    .limit(bindparam("limit"))
)

DESCRIBE = (
    update(t.products)
    .where(t.products.c.number == bindparam("of"))
    .values(
        parent_id=func.coalesce(bindparam("its_parent"), t.products.c.parent_id),
        title=func.coalesce(bindparam("its_title"), t.products.c.title),
        category=func.coalesce(bindparam("its_category"), t.products.c.category),
        brand=func.coalesce(bindparam("its_brand"), t.products.c.brand),
        price=func.coalesce(bindparam("its_price"), t.products.c.price),
        attributes=func.coalesce(bindparam("its_attributes"), t.products.c.attributes),
        available=bindparam("its_availability"),
    )
)

FED = (
    select(t.products.c.fed, *(t.products.c[name] for name in _PRODUCT_COLUMNS))
    .where(t.products.c.fed > bindparam("after"))
    .order_by(t.products.c.fed, t.products.c.number)
)

FEED = (
    update(t.products)
    .where(t.products.c.number == bindparam("of"))
    .values(
        fed=bindparam("feed"),
        **{
            name: func.coalesce(bindparam(f"its_{name}"), t.products.c[name])
            for name in (
                "parent_id", "title", "category", "brand", "price", "attributes", "available",
            )
        },
    )
)  # fmt: skip
"""The last feed counts; what it does not say stays."""

FORGET_BOUGHT = (
    update(t.products)
    .where(t.products.c.bought_before != 0)
    .values(bought=t.products.c.bought - t.products.c.bought_before, bought_before=0)
)

ADD_BOUGHT = (
    update(t.products)
    .where(t.products.c.number == bindparam("of"))
    .values(bought=t.products.c.bought + bindparam("before"), bought_before=bindparam("before"))
)

TIMERS = (
    select(t.timers.c.trigger, t.timers.c.started_at, t.timers.c.due_at)
    .select_from(_THEIRS.join(t.timers, t.timers.c.person == t.people.c.number))
    .where(_asked.c.customer_id == bindparam("asked"))
    .order_by(t.timers.c.due_at)
)

_SCORE = select(
    t.people.c.customer_id,
    *(t.scores.c[name] for name in ("version", "at", "horizon_days", "probability", "sequence")),
)

SCORES = (
    _SCORE.select_from(_THEIRS.join(t.scores, t.scores.c.person == t.people.c.number))
    .where(_asked.c.customer_id == bindparam("asked"))
    .order_by(t.scores.c.at, t.scores.c.sequence)
)

SCORES_AFTER = (
    _SCORE.join_from(t.scores, t.people, t.scores.c.person == t.people.c.number)
    .where(t.scores.c.sequence > bindparam("after"))
    .order_by(t.scores.c.sequence)
    .limit(bindparam("limit"))
)

_IMPRESSION = select(
    t.people.c.customer_id,
    *(t.impressions.c[name] for name in (
        "recommendation_id", "at", "placement", "version", "items", "sequence",
    )),
)  # fmt: skip

IMPRESSIONS = (
    _IMPRESSION.select_from(
        _THEIRS.join(t.impressions, t.impressions.c.person == t.people.c.number)
    )
    .where(_asked.c.customer_id == bindparam("asked"))
    .order_by(t.impressions.c.at, t.impressions.c.sequence)
)

IMPRESSIONS_AFTER = (
    _IMPRESSION.join_from(
        t.impressions, t.people, t.impressions.c.person == t.people.c.number, isouter=True
    )
    .where(t.impressions.c.sequence > bindparam("after"))
    .order_by(t.impressions.c.sequence)
    .limit(bindparam("limit"))
)

RULES = select(
    *(t.rules.c[name] for name in ("name", "rule", "changed_at", "changed_by", "change"))
).order_by(t.rules.c.name)

IDENTIFIERS = (
    select(t.people.c.customer_id)
    .select_from(_THEIRS)
    .where(_asked.c.customer_id == bindparam("asked"))
)

DUE = (
    select(
        t.timers.c.trigger,
        t.people.c.customer_id,
        t.timers.c.person,
        t.timers.c.started_at,
        t.timers.c.due_at,
    )
    .join(t.people, t.people.c.number == t.timers.c.person)
    .where(t.timers.c.due_at <= bindparam("now"), t.timers.c.claimed_until <= bindparam("now"))
    .order_by(t.timers.c.due_at, t.timers.c.person)
    .limit(bindparam("limit"))
)

CLAIMABLE = DUE.with_for_update(of=t.timers, skip_locked=True)
"""Due timers that no other transaction is claiming at this moment."""

_DECISION = select(*(column for column in t.decisions.columns if column.name != "sequence"))

DECISION = _DECISION.where(t.decisions.c.decision_id == bindparam("asked"))

EVENTS = select(*(column for column in t.events.columns if column.name != "person"))

POSITION = select(t.positions.c.value).where(t.positions.c.name == bindparam("asked"))

ANSWER = select(
    t.answers.c.request_hash, t.answers.c.status, t.answers.c.body, t.answers.c.at
).where(t.answers.c.key == bindparam("asked"))


def decisions(customer_id: str, kind: str | None, limit: int) -> Select[Any]:
    """A customer's decisions, newest first; of one kind, when one is given."""
    theirs = (
        select(t.people.c.customer_id)
        .select_from(_THEIRS)
        .where(_asked.c.customer_id == customer_id)
    )
    decided = t.decisions.c
    asked = _DECISION.where(
        or_(decided.customer_id == customer_id, decided.customer_id.in_(theirs))
    )
    if kind is not None:
        asked = asked.where(decided.kind == kind)
    return asked.order_by(decided.at.desc(), decided.sequence.desc()).limit(limit)


def decided() -> Select[Any]:
    """The latest decisions for whoever is asked for, under any of their ids, and their places."""
    theirs = (
        select(t.people.c.customer_id)
        .select_from(_THEIRS)
        .where(_asked.c.customer_id == bindparam("asked"))
    )
    return (
        _DECISION.add_columns(t.decisions.c.sequence)
        .where(t.decisions.c.customer_id.in_(theirs))
        .order_by(t.decisions.c.at.desc(), t.decisions.c.sequence.desc())
        .limit(bindparam("limit"))
    )


def events(
    customer_id: str | None, name: str | None, unknown: bool, before: int | None, limit: int
) -> Select[Any]:
    """Stored events, newest first; see `Store.events`."""
    asked, stored = EVENTS, t.events.c
    if customer_id is not None:
        theirs = (
            select(t.people.c.number)
            .select_from(_THEIRS)
            .where(_asked.c.customer_id == customer_id)
        )
        asked = asked.where(stored.person.in_(theirs))
    if name is not None:
        known = schema().find(name)  # its code has an index, and it may be an alias
        asked = asked.where(
            stored.type == (0 if known is None else known.code),
            stored.name == (name if known is None else known.name),
        )
    if unknown:
        asked = asked.where(stored.type == 0)
    if before is not None:
        asked = asked.where(stored.sequence < before)
    return asked.order_by(stored.sequence.desc()).limit(limit)


def quarantined(message_id: str | None, before: int | None, limit: int) -> Select[Any]:
    """Messages kept aside, newest first; see `Store.quarantined`."""
    asked, kept = select(t.quarantine), t.quarantine.c
    if message_id is not None:
        asked = asked.where(kept.message_id == message_id)
    if before is not None:
        asked = asked.where(kept.sequence < before)
    return asked.order_by(kept.sequence.desc()).limit(limit)


def accesses(customer_id: str | None, before: int | None, limit: int) -> Select[Any]:
    """Who asked about whom, newest first; see `Store.accesses`."""
    asked, told = select(t.accesses), t.accesses.c
    if customer_id is not None:
        theirs = (
            select(t.people.c.customer_id)
            .select_from(_THEIRS)
            .where(_asked.c.customer_id == customer_id)
        )
        asked = asked.where(or_(told.customer_id == customer_id, told.customer_id.in_(theirs)))
    if before is not None:
        asked = asked.where(told.sequence < before)
    return asked.order_by(told.sequence.desc()).limit(limit)
