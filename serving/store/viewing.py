"""A customer together with what was decided for them: one statement, and so one moment."""

from collections import namedtuple
from typing import Any

from sqlalchemy import CompoundSelect, Integer, cast, literal, null, select, union_all

from serving.store import rows, statements
from serving.store import schema as t
from serving.store.part import SqlPart
from serving.store.records import Decision, Person

_PERSON_COLUMNS = tuple(statements.PERSON.selected_columns)
_DECISION_COLUMNS = tuple(c for c in t.decisions.columns if c.name != "sequence")
_WIDTH = len(_PERSON_COLUMNS)
_PersonRow = namedtuple("_PersonRow", [c.name for c in _PERSON_COLUMNS])  # type: ignore[misc]
_NAMES = [c.name for c in _DECISION_COLUMNS]


def _statement() -> CompoundSelect[Any]:
    """The rows of `statements.PERSON`, then the latest decisions; each lacks the other's columns.

    The last two columns hold their order: a person's number and part; the age of a decision.
    """
    latest = statements.decided().subquery()
    person = statements.PERSON.order_by(None).add_columns(
        *(cast(null(), c.type).label(f"decided_{c.name}") for c in _DECISION_COLUMNS),
        literal(0, Integer).label("what"),
        t.people.c.number.label("first"),
        t.timeline_parts.c.part.label("second"),
    )
    decision = select(
        *(cast(null(), c.type).label(c.name) for c in _PERSON_COLUMNS),
        *(latest.c[c.name] for c in _DECISION_COLUMNS),
        literal(1, Integer),
        -latest.c.at,
        -latest.c.sequence,
    )
    return union_all(person, decision).order_by("what", "first", "second")


_DECIDED = _statement()


class SqlViews(SqlPart):
    """The store's views of a customer."""

    def decided(self, customer_id: str, limit: int) -> tuple[Person | None, list[Decision]]:
        """A customer and their latest decisions; see `Store.decided`."""
        found = self._database.read(
            "read a customer",
            lambda c: c.execute(_DECIDED, {"asked": customer_id, "limit": limit}).all(),
        )
        theirs = [_PersonRow(*row[:_WIDTH]) for row in found if not row.what]
        decisions = [
            rows.decision_of(dict(zip(_NAMES, row[_WIDTH:-3], strict=True)))
            for row in found
            if row.what
        ]
        return rows.person_of(theirs), decisions
