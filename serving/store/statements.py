"""The store's reading statements and bulk writes, built once: SQLAlchemy caches by identity."""

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from serving.store import schema as t

_asked = t.people.alias("asked_for")

_THEIRS = t.people.join(_asked, t.people.c.owner == _asked.c.owner)
"""Everybody who shares an owner with the id that was asked for."""

PERSON = (
    select(
        t.people.c.customer_id,
        t.people.c.number,
        t.people.c.owner,
        t.people.c.linked_at,
        t.people.c.version,
        t.timeline_parts.c.rows,
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

CONSENTS = (
    select(
        t.consents.c.purpose,
        t.consents.c.channel,
        t.consents.c.status,
        t.consents.c.at,
        t.consents.c.event_id,
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

POPULAR = (
    select(t.products.c.number)
    .order_by(t.products.c.bought.desc(), t.products.c.number)
    .limit(bindparam("limit"))
)

DESCRIBE = (
    update(t.products)
    .where(t.products.c.product_id == bindparam("of"))
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

_DECISION = select(*(column for column in t.decisions.columns if column.name != "sequence"))

DECISION = _DECISION.where(t.decisions.c.decision_id == bindparam("asked"))

DECISIONS = (
    _DECISION.where(
        or_(
            t.decisions.c.customer_id == bindparam("asked"),
            t.decisions.c.customer_id.in_(
                select(t.people.c.customer_id)
                .select_from(_THEIRS)
                .where(_asked.c.customer_id == bindparam("asked"))
            ),
        ),
        or_(bindparam("kind").is_(None), t.decisions.c.kind == bindparam("kind")),
    )
    .order_by(t.decisions.c.at.desc(), t.decisions.c.sequence.desc())
    .limit(bindparam("limit"))
)

QUARANTINED = (
    select(*(column for column in t.quarantine.columns if column.name != "sequence"))
    .order_by(t.quarantine.c.sequence.desc())
    .limit(bindparam("limit"))
)

POSITION = select(t.loads.c.position).where(t.loads.c.fingerprint == bindparam("asked"))

_part = upsert(t.timeline_parts)
PUT_PART = _part.on_conflict_do_update(
    index_elements=["person", "part"], set_={"rows": _part.excluded.rows}
)

_load = upsert(t.loads)
PUT_POSITION = _load.on_conflict_do_update(
    index_elements=["fingerprint"], set_={"position": _load.excluded.position}
)
